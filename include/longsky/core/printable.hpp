// longsky/core/printable.hpp — text from files, names and models, made safe for a terminal or a line of a log.
//
// A terminal obeys what it is shown: an escape sequence in a book's name can retitle the window, hide lines or answer
// for the user. Whoever prints text that is not the program's own passes it through here, once, at the edge; files and
// pipes get the bytes as they are.
#pragma once

#include <longsky/core/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace longsky {

namespace printable_text {

/// Characters that move the cursor, break the line, reverse what is read or cannot be seen (Unicode 15: C0, C1, the
/// bidirectional controls, line and paragraph separators, deprecated formats, the byte order mark, tags).
inline bool commands(std::uint32_t c) {
  constexpr struct {
    std::uint32_t first, last;
  } ranges[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x61c, 0x61c},   {0x200b, 0x200b}, {0x200e, 0x200f},
                {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [c](auto range) { return range.first <= c && c <= range.last; });
}

inline std::string hex(std::uint32_t c, int digits) {
  std::string text;
  for (int at = c >= 0x10000 ? 5 : digits; at-- > 0;) text += "0123456789abcdef"[c >> 4 * at & 15];
  return text;
}

/// The code point of a character that is sound UTF-8.
inline std::uint32_t code_point(std::string_view character) {
  const auto lead = static_cast<std::uint8_t>(character[0]);
  std::uint32_t c = character.size() == 1 ? lead : lead & (0xffu >> (character.size() + 1));
  for (const char next : character.substr(1)) c = c << 6 | (static_cast<std::uint8_t>(next) & 0x3fu);
  return c;
}

inline std::string escape(std::string_view character) {
  if (character == "\n") return "\\n";
  if (character == "\r") return "\\r";
  if (character == "\t") return "\\t";
  const std::uint32_t c = code_point(character);
  return c < 0x80 ? "\\x" + hex(c, 2) : "\\u{" + hex(c, 4) + "}";
}

inline std::string made(std::string_view text, bool keeps_lines) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0) {
      out += "\\x" + hex(static_cast<std::uint8_t>(text[i++]), 2);
      continue;
    }
    const std::string_view character = text.substr(i, length);
    const bool line = keeps_lines && (character == "\n" || character == "\t");
    if (!line && commands(code_point(character)))
      out += escape(character);
    else
      out += character;
    i += length;
  }
  return out;
}

}  // namespace printable_text

/// One line: every character that a terminal would obey, and every byte that is no UTF-8, is written as \n, \x1b,
/// \u{202e} or \xff.
[[gnu::cold]] inline std::string printable(std::string_view text) { return printable_text::made(text, false); }

/// The same, but line ends and tabs stay: for text of several lines.
[[gnu::cold]] inline std::string printable_lines(std::string_view text) { return printable_text::made(text, true); }

/// printable_lines of a text that comes in pieces, which may end within a character.
class PrintableStream {
 public:
  /// What can be shown now.
  [[gnu::cold]] std::string next(std::string_view piece) {
    const std::string text = std::exchange(rest_, "") + std::string(piece);
    std::size_t whole = text.size();
    for (std::size_t tail = 1; tail <= std::min<std::size_t>(3, text.size()); ++tail)
      if (begins_character(std::string_view(text).substr(text.size() - tail))) whole = text.size() - tail;
    rest_ = text.substr(whole);
    return printable_lines(std::string_view(text).substr(0, whole));
  }
  /// What is left at the end: a character that was never finished.
  [[gnu::cold]] std::string rest() { return printable_lines(std::exchange(rest_, "")); }

 private:
  // Whether more bytes would make one character of it. After any lead byte either 0x80 or 0xa0 may stand second.
  static bool begins_character(std::string_view tail) {
    if (utf8_length(tail, 0) != 0) return false;
    for (const char second : {'\x80', '\xa0'}) {
      std::string whole(tail);
      whole += second;
      for (int more = 0; more < 3; ++more, whole += '\x80')
        if (utf8_length(whole, 0) == whole.size()) return true;
    }
    return false;
  }

  std::string rest_;
};

}  // namespace longsky
