// longsky/core/number_text.hpp — numbers as text and text as numbers, the same bytes in every locale.
//
// printf, strtod and streams ask the locale of the program around this library, and under a comma or a thousands
// separator write files that nobody can read. What stands here never asks: fixed_text(x, 2) is "%.2f" in the C locale.
#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace longsky {

namespace number_text {
inline std::string formatted(double x, std::chars_format format, int precision) {
  char text[400];  // the largest double has 309 digits before the point
  const int digits = precision < 60 ? precision : 60;
  return {text, std::to_chars(text, text + sizeof text, x, format, digits).ptr};
}
}  // namespace number_text

/// "12.50" for (12.5, 2): printf's "%.2f". At most 60 decimals.
inline std::string fixed_text(double x, int decimals) {
  return number_text::formatted(x, std::chars_format::fixed, decimals);
}

/// "1.25e+13" or "0.0125" for (…, 3): printf's "%.3g", six digits where none are asked for, as streams write.
inline std::string general_text(double x, int digits = 6) {
  return number_text::formatted(x, std::chars_format::general, digits);
}

/// "1.25e+13" for (1.25e13, 2): printf's "%.2e".
inline std::string scientific_text(double x, int decimals) {
  return number_text::formatted(x, std::chars_format::scientific, decimals);
}

/// The number with the fewest digits that read back as the same.
template <class Number>
std::string shortest_text(Number x) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, x).ptr};
}

/// `text` behind as many spaces as make it `width` bytes long: printf's "%6s".
inline std::string right_aligned(std::string text, std::size_t width) {
  if (text.size() < width) text.insert(0, width - text.size(), ' ');
  return text;
}

/// "0a1f" for (0xa1f, 4): printf's "%04x".
template <class Whole>
std::string hex_text(Whole x, std::size_t digits) {
  char text[32];
  std::string hex(text, std::to_chars(text, text + sizeof text, x, 16).ptr);
  if (hex.size() < digits) hex.insert(0, digits - hex.size(), '0');
  return hex;
}

/// The number that the whole of `text` is; nothing where it is none or does not fit.
template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

}  // namespace longsky
