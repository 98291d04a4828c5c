// longsky/data/row_formats.hpp — ways to write "this key has this value" on a line.
#pragma once

#include <longsky/core/random.hpp>

#include <array>
#include <string>
#include <string_view>

namespace longsky {

/// What stands around a key and a value, both of which bring their leading space: " zebra: 482913\n".
struct RowFormat {
  std::string_view before, between, after;
};

inline constexpr RowFormat colon_row{"", ":", "\n"};
inline constexpr RowFormat equals_row{"", " =", "\n"};
inline constexpr RowFormat pipe_row{"|", " |", " |\n"};
inline constexpr RowFormat sentence_row{"", " is", ".\n"};

/// Any of them, the colon twice as often.
inline RowFormat draw_row_format(Random& random) {
  return random.pick(std::array{colon_row, colon_row, equals_row, pipe_row, sentence_row});
}

inline std::string row_text(RowFormat format, std::string_view key, std::string_view value) {
  std::string row;
  row.append(format.before).append(key).append(format.between).append(value).append(format.after);
  return row;
}

}  // namespace longsky
