// Byte pairs: against an encoder and a trainer that do the definition step by step; files, hostile ones too; threads.
#include "support/catch.hpp"
#include "support/scratch_directory.hpp"

#include <longsky/text/byte_pair_training.hpp>

#include <longsky/core/random.hpp>

#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

std::string sample_text(int words) {
  Random random(7, stream_of("text"), 0);
  std::string text;
  for (int i = 0; i < words; ++i) {
    text += random.chance(0.1f) ? ". " : " ";
    for (int s = random.between(1, 3); s > 0; --s)
      text += random.pick(std::vector<std::string>{"ba", "ke", "lo", "mi", "nu", "ba", "ban"});
    if (random.chance(0.1f)) text += " " + std::to_string(random.below(100000));
  }
  return text;
}

PieceCounts counted(const std::string& text) {
  PieceCounts counts;
  count_pieces(text, counts);
  return counts;
}

/// The definition: count all pairs of all pieces, join the most frequent one (the last by its bytes among equals),
/// again.
std::vector<std::string> merged_by_definition(const PieceCounts& counts, int merges) {
  std::vector<std::pair<std::vector<std::string>, std::int64_t>> words;
  for (const auto& [piece, count] : counts) {
    if (is_digit(piece[0])) continue;
    words.push_back({{}, count});
    for (char c : piece) words.back().first.emplace_back(1, c);
  }
  std::vector<std::string> out;
  while (static_cast<int>(out.size()) < merges) {
    std::map<std::pair<std::string, std::string>, std::int64_t> pairs;
    for (const auto& [symbols, count] : words)
      for (std::size_t i = 0; i + 1 < symbols.size(); ++i) pairs[{symbols[i], symbols[i + 1]}] += count;
    auto best = pairs.begin();
    for (auto it = pairs.begin(); it != pairs.end(); ++it)
      if (it->second >= best->second) best = it;
    out.push_back(best->first.first + best->first.second);
    for (auto& [symbols, count] : words) {
      std::vector<std::string> joined;
      for (std::size_t i = 0; i < symbols.size(); ++i) {
        const bool match =
            i + 1 < symbols.size() && symbols[i] == best->first.first && symbols[i + 1] == best->first.second;
        joined.push_back(match ? out.back() : symbols[i]);
        i += match ? 1 : 0;
      }
      symbols = joined;
    }
  }
  return out;
}

}  // namespace

TEST_CASE("training joins what the definition joins") {
  const PieceCounts counts = counted(sample_text(2000));
  const BytePair tokenizer = train_byte_pair(counts, BytePair::first_merge + 40);
  const std::vector<std::string> expected = merged_by_definition(counts, 40);
  REQUIRE(tokenizer.vocab() == BytePair::first_merge + 40);
  for (int i = 0; i < 40; ++i)
    CHECK(tokenizer.token(BytePair::first_merge + i) == expected[static_cast<std::size_t>(i)]);
}

TEST_CASE("a text too short for the vocabulary is an error in words") {
  CHECK_THROWS_WITH(train_byte_pair(counted("one line, no more"), 3000),
                    Contains("too short") && Contains("add books"));
  CHECK_THROWS_WITH(train_byte_pair(counted("x"), 100), Contains("expected at least 1364"));
}

TEST_CASE("encoding and decoding") {
  const std::string text = sample_text(2000);
  const BytePair tokenizer = train_byte_pair(counted(text), BytePair::first_merge + 60);

  SECTION("text comes back, from a cold and a warm cache alike") {
    const auto cold = tokenizer.encode(text);
    CHECK(tokenizer.decode(cold) == text);
    CHECK(tokenizer.encode(text) == cold);
    CHECK(cold.size() < text.size() / 2);
  }
  SECTION("any bytes come back") {
    Random random(1, stream_of("bytes"), 0);
    for (int round = 0; round < 100; ++round) {
      std::string bytes;
      for (int i = 0; i < 64; ++i) bytes += static_cast<char>(random.below(256));
      CHECK(tokenizer.decode(tokenizer.encode(bytes)) == bytes);
    }
  }
  SECTION("numbers are cut in threes from the left") {
    using T = std::vector<std::int32_t>;
    CHECK(tokenizer.encode("482913") == T{BytePair::first_triple + 482, BytePair::first_triple + 913});
    CHECK(tokenizer.encode("0070") == T{BytePair::first_triple + 7, BytePair::first_byte + '0'});
    CHECK(tokenizer.encode("00109") == T{BytePair::first_triple + 1, BytePair::first_pair + 9});
  }
  SECTION("no text makes a special") {
    for (std::int32_t id : tokenizer.encode("<pad><bos><user><assistant><end>")) CHECK(id >= BytePair::first_byte);
    CHECK(tokenizer.decode(std::vector<std::int32_t>{BytePair::user, BytePair::end}) == "<user><end>");
  }
  SECTION("joined pieces have joined tokens") {
    auto ab = tokenizer.encode(" bake:");
    const auto b = tokenizer.encode(" 123456\n");
    ab.insert(ab.end(), b.begin(), b.end());
    CHECK(tokenizer.encode(" bake: 123456\n") == ab);
  }
  SECTION("a word is a space and four lower-case letters or more") {
    const BytePair joins({{8 + ' ', 8 + 'a'}, {1364, 8 + 'b'}, {1365, 8 + 'c'}, {1366, 8 + 'd'}, {1366, 8 + 'D'}});
    CHECK(joins.token(1367) == " abcd");
    CHECK(joins.is_word(1367));
    CHECK_FALSE(joins.is_word(1366));
    CHECK_FALSE(joins.is_word(1368));
    CHECK_FALSE(joins.is_word(BytePair::bos));
    CHECK_THROWS_WITH(joins.token(1369), Contains("expected 0 to 1368"));
    CHECK_THROWS_WITH(joins.token(-1), Contains("there is no token -1"));
  }
}

TEST_CASE("many threads may encode with one tokenizer", "[threads]") {
  const std::string text = sample_text(3000);
  const BytePair tokenizer = train_byte_pair(counted(text), BytePair::first_merge + 60);
  const auto expected = BytePair(tokenizer).encode(text);
  const BytePair cold = train_byte_pair(counted(text), BytePair::first_merge + 60);
  std::vector<std::vector<std::int32_t>> got(4);
  {
    std::vector<std::jthread> threads;
    for (auto& out : got) threads.emplace_back([&] { cold.encode(text, out); });
  }
  for (const auto& out : got) CHECK(out == expected);
}

TEST_CASE("a tokenizer comes back from its file, and a damaged file is answered in words") {
  const ScratchDirectory folder;
  const auto path = folder.path() / "tokenizer.json";
  const BytePair tokenizer = train_byte_pair(counted(sample_text(500)), BytePair::first_merge + 10);
  tokenizer.save(path);
  CHECK(BytePair::load(path) == tokenizer);

  const auto with = [&](const std::string& contents) {
    std::ofstream(path) << contents;
    return path;
  };
  CHECK_THROWS_WITH(BytePair::load(folder.path() / "none.json"), Contains("there is no tokenizer"));
  CHECK_THROWS_WITH(tokenizer.save(folder.path() / "none" / "t.json"), Contains("cannot be written"));
  CHECK_THROWS_WITH(BytePair::load(with("")), Contains("is not JSON"));
  CHECK_THROWS_WITH(BytePair::load(with("[1]")), Contains("is not JSON"));
  CHECK_THROWS_WITH(BytePair::load(with("{}")), Contains("\"format\""));
  const std::string start = "{\"format\":\"longsky byte-pair encoding\",";
  CHECK_THROWS_WITH(BytePair::load(with(start + "\"version\":2}")), Contains("version"));
  CHECK_THROWS_WITH(BytePair::load(with(start + "\"version\":1}")), Contains("\"merges\""));
  const auto merges = [&](const std::string& list, int vocab) {
    return with(start + "\"version\":1,\"vocab\":" + std::to_string(vocab) + ",\"merges\":" + list + "}");
  };
  CHECK(BytePair::load(merges("[[40,105]]", 1365)).vocab() == 1365);
  CHECK_THROWS_WITH(BytePair::load(merges("[[40,105]]", 1366)), Contains("\"vocab\""));
  for (const char* bad : {"[[40]]", "[[40,\"a\"]]", "[[40,-1]]", "[[40,1.5]]", "[[40,99999999999]]", "[7]"})
    CHECK_THROWS_WITH(BytePair::load(merges(bad, 1365)), Contains("not a pair of token ids"));
  for (const char* bad : {"[[40,1364]]", "[[40,3]]", "[[40,300]]"})
    CHECK_THROWS_WITH(BytePair::load(merges(bad, 1365)), Contains("made before it"));
  CHECK_THROWS_WITH(BytePair::load(merges("[[40,41],[40,41]]", 1366)), Contains("not joined yet"));

  tokenizer.save(path);
  std::ifstream in(path, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  for (std::size_t n = 0; n + 2 < whole.size(); n += 7)
    CHECK_THROWS_AS(BytePair::load(with(whole.substr(0, n))), Error);
}
