// Pieces: what a token never crosses, and that nothing is lost.
#include "support/catch.hpp"

#include <longsky/text/pieces.hpp>

#include <longsky/core/random.hpp>

#include <string>
#include <vector>

using namespace longsky;

namespace {

std::vector<std::string> pieces(std::string_view text) {
  std::vector<std::string> out;
  for_each_piece(text, [&](std::string_view piece) { out.emplace_back(piece); });
  return out;
}

}  // namespace

TEST_CASE("text is cut into spaced words, numbers, line breaks and single characters") {
  using P = std::vector<std::string>;
  CHECK(pieces("") == P{});
  CHECK(pieces("The price of zebra") == P{"The", " price", " of", " zebra"});
  CHECK(pieces(" zebra: 482913\n") == P{" zebra", ":", " ", "482913", "\n"});
  CHECK(pieces("a\n\n\nb") == P{"a", "\n\n\n", "b"});
  CHECK(pieces("a   b") == P{"a", "  ", " b"});
  CHECK(pieces("a  1") == P{"a", " ", " ", "1"});
  CHECK(pieces("x2y") == P{"x", "2", "y"});
  CHECK(pieces(" \t,") == P{" ", "\t", ","});
  CHECK(pieces("caf\xC3\xA9s") == P{"caf", "\xC3\xA9", "s"});
  CHECK(pieces("\xC3(") == P{"\xC3", "("});
}

TEST_CASE("a million blanks before what is no word are a million pieces, found in one pass") {
  const std::string blanks(1'000'000, ' ');
  CHECK(pieces(blanks) == std::vector<std::string>(blanks.size(), " "));
  CHECK(pieces(blanks + "1").size() == blanks.size() + 1);
  CHECK(pieces(blanks + "a") == std::vector<std::string>{blanks.substr(1), " a"});
}

TEST_CASE("the pieces of any bytes joined are the bytes") {
  Random random(1, stream_of("pieces"), 0);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (std::uint32_t n = random.below(80); n > 0; --n) text += random.pick(std::string(" ab1\n,\xC3\xA9\xFF\0", 11));
    std::string joined;
    for (const std::string& piece : pieces(text)) joined += piece;
    CHECK(joined == text);
  }
}
