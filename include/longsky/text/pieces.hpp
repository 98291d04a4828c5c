// longsky/text/pieces.hpp — cuts text into the pieces that a token never crosses.
//
//   one optional space and ASCII letters · a run of digits · a run of line breaks · spaces before a spaced word ·
//   any other single character
//
// So a word carries its leading space, and the tokens of a joined text are the joined tokens wherever a piece ends.
#pragma once

#include <longsky/core/utf8.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace longsky {

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Calls visit(piece) for every piece of the text, in order. Bytes that are not UTF-8 are pieces of their own.
template <class Visit>
void for_each_piece(std::string_view text, Visit&& visit) {
  const auto run = [&](std::size_t i, auto&& wanted) {
    while (i < text.size() && wanted(text[i])) ++i;
    return i;
  };
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    const char c = text[i];
    if (is_letter(c)) {
      end = run(i, is_letter);
    } else if (is_digit(c)) {
      end = run(i, is_digit);
    } else if (c == '\n') {
      end = run(i, [](char x) { return x == '\n'; });
    } else if (c == ' ') {
      const std::size_t word = run(i, [](char x) { return x == ' '; });
      if (word < text.size() && is_letter(text[word])) {
        end = word - i > 1 ? word - 1 : run(word, is_letter);
      } else {
        for (; i + 1 < word; ++i)
          visit(text.substr(i, 1));  // all at once: looking ahead for each would be their square
        end = word;
      }
    } else {
      end = i + std::max<std::size_t>(utf8_length(text, i), 1);
    }
    visit(text.substr(i, end - i));
    i = end;
  }
}

}  // namespace longsky
