// core/printable_test.cpp — no text that is shown can command a terminal or break a line of a log.
#include "support/catch.hpp"

#include <longsky/core/printable.hpp>

#include <string>

using namespace longsky;

TEST_CASE("what a terminal obeys is written, not sent") {
  CHECK(printable("Pride and Prejudice, café, 東京, 👍, a\\b") == "Pride and Prejudice, café, 東京, 👍, a\\b");
  CHECK(printable("a\x1b]0;owned\x07z") == "a\\x1b]0;owned\\x07z");
  CHECK(printable("\r\x1b[2K\x1b[1A") == "\\r\\x1b[2K\\x1b[1A");
  CHECK(printable("\u009b31m\x7f") == "\\u{009b}31m\\x7f");  // CSI as one character; delete
  CHECK(printable("a\x9b"
                  "31m\xff") == "a\\x9b31m\\xff");  // CSI as one byte; no UTF-8
  CHECK(printable("exe\u202etxt.\u2066x\u2069") == "exe\\u{202e}txt.\\u{2066}x\\u{2069}");
  CHECK(printable("a\u2028b\U000e0041") == "a\\u{2028}b\\u{e0041}");
  CHECK(printable(std::string("a\0b", 3)) == "a\\x00b");
  CHECK(printable("one\ntwo\tthree") == "one\\ntwo\\tthree");
}

TEST_CASE("lines stay lines where there may be several") {
  CHECK(printable_lines("one\ntwo\tthree\x1b[m\r") == "one\ntwo\tthree\\x1b[m\\r");
}

TEST_CASE("no byte below a space, no delete and no second set of controls is ever sent") {
  std::string all;
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second) all += {static_cast<char>(first), static_cast<char>(second), ' '};
  const std::string shown = printable(all);
  CHECK(first_invalid_utf8(shown) == shown.size());
  int controls = 0;
  for (std::size_t i = 0; i < shown.size(); i += utf8_length(shown, i)) {
    const auto c = printable_text::code_point(std::string_view(shown).substr(i, utf8_length(shown, i)));
    controls += c < 0x20 || (c >= 0x7f && c < 0xa0);
  }
  CHECK(controls == 0);
}

TEST_CASE("a text in pieces is shown as the whole would be, however it is cut") {
  const std::string text =
      "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x91\x8D\xE0\xA0\x80\xED\x9F\xBF\xF4\x8F\xBF\xBF\x1b[0m\xFF\xE2\x82z\xC3";
  for (std::size_t first = 0; first <= text.size(); ++first)
    for (std::size_t second = first; second <= text.size(); ++second) {
      PrintableStream stream;
      std::string shown = stream.next(text.substr(0, first));
      shown += stream.next(text.substr(first, second - first));
      shown += stream.next(text.substr(second));
      CHECK(shown + stream.rest() == printable_lines(text));
    }
  PrintableStream stream;
  CHECK(stream.next("x") == "x");  // nothing whole is held back
  CHECK(stream.next("\xE2\x82").empty());
  CHECK(stream.next("\xAC") == "€");
}
