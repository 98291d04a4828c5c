// longsky/core/crc32c.hpp — CRC-32C (Castagnoli), the checksum of checkpoints and of TensorBoard's event files.
//
//   reflected polynomial 0x82F63B78, start and end inverted; crc32c("123456789") = 0xE3069283 (RFC 3720, B.4)
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#if defined(__SSE4_2__)
#include <nmmintrin.h>
#endif

namespace longsky {

/// Any machine: one table look-up per byte. `crc` is the checksum of the bytes before these.
inline std::uint32_t crc32c_by_table(std::span<const std::byte> bytes, std::uint32_t crc = 0) {
  static constexpr std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = (t[i] >> 1) ^ ((t[i] & 1u) ? 0x82F63B78u : 0u);
    }
    return t;
  }();
  crc = ~crc;
  for (const std::byte b : bytes) crc = (crc >> 8) ^ table[(crc ^ std::to_integer<std::uint32_t>(b)) & 0xffu];
  return ~crc;
}

/// The checksum of `bytes`, going on from that of the bytes before them; uses SSE4.2's instruction where it is
/// compiled.
inline std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc = 0) {
#if defined(__SSE4_2__)
  std::uint64_t state = ~crc;
  while (bytes.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    state = _mm_crc32_u64(state, word);
    bytes = bytes.subspan(8);
  }
  auto narrow = static_cast<std::uint32_t>(state);
  for (const std::byte b : bytes) narrow = _mm_crc32_u8(narrow, std::to_integer<std::uint8_t>(b));
  return ~narrow;
#else
  return crc32c_by_table(bytes, crc);
#endif
}

inline std::uint32_t crc32c(std::string_view text, std::uint32_t crc = 0) {
  return crc32c(std::as_bytes(std::span(text.data(), text.size())), crc);
}

/// The checksum as TFRecord files store it, so that a checksum of data with checksums in it stays a good one.
constexpr std::uint32_t masked_crc32c(std::uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8u; }

}  // namespace longsky
