// UTF-8: every code point there is, and the forms that are none (RFC 3629).
#include "support/catch.hpp"

#include <longsky/core/utf8.hpp>

#include <cstdint>
#include <string>

using namespace longsky;

namespace {

std::string encoded(std::uint32_t c) {
  const auto byte = [](std::uint32_t b) { return static_cast<char>(b); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | c >> 6), byte(0x80 | (c & 63))};
  if (c < 0x10000) return {byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63))};
  return {byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 63)), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63))};
}

}  // namespace

TEST_CASE("every code point is one character, and a surrogate is none") {
  int wrong = 0;
  for (std::uint32_t c = 0; c < 0x110000; ++c) {
    const std::string text = encoded(c);
    const bool surrogate = c >= 0xD800 && c < 0xE000;
    wrong += utf8_length(text, 0) == (surrogate ? 0 : text.size()) ? 0 : 1;
  }
  CHECK(wrong == 0);
  CHECK(utf8_length(encoded(0x110000), 0) == 0);
}

TEST_CASE("what is not UTF-8 is found where it starts") {
  CHECK(first_invalid_utf8("plain") == 5);
  CHECK(first_invalid_utf8("a\xC3\xA9z") == 4);
  CHECK(first_invalid_utf8("ab\xFFz") == 2);
  CHECK(first_invalid_utf8("ab\x80") == 2);
  CHECK(first_invalid_utf8("ab\xC3") == 2);        // cut off
  CHECK(first_invalid_utf8("\xC0\x80") == 0);      // overlong
  CHECK(first_invalid_utf8("\xE0\x80\xAF") == 0);  // overlong
  CHECK(first_invalid_utf8("x\xE2\x82"
                           "a") == 1);  // a continuation is missing
}
