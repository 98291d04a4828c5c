// longsky/core/utf8.hpp — where a string stops being UTF-8, and what to show instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace longsky {

/// The length of the character that starts at text[i], or 0 if none does: overlong forms, surrogates and code points
/// beyond U+10FFFF are none (RFC 3629).
inline std::size_t utf8_length(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) {
    return k < text.size() ? static_cast<std::uint8_t>(text[k]) : std::uint8_t{0};
  };
  const std::uint8_t lead = byte(i), second = byte(i + 1);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  const std::uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const std::uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (second < low || second > high) return 0;
  for (std::size_t k = 2; k < length; ++k)
    if ((byte(i + k) & 0xC0) != 0x80) return 0;
  return length;
}

/// The offset of the first byte that is not part of a UTF-8 character; the size of the text if every byte is.
inline std::size_t first_invalid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0) return i;
    i += length;
  }
  return text.size();
}

/// The text with U+FFFD for every byte that is not part of a UTF-8 character.
inline std::string sound_utf8(std::string_view text) {
  std::string sound;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0) sound += "\uFFFD";
    sound.append(text, i, length);
    i += length > 0 ? length : 1;
  }
  return sound;
}

}  // namespace longsky
