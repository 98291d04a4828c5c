// longsky/core/half.hpp — bfloat16 as storage: the upper half of a float, rounded to nearest even.
#pragma once

#include <longsky/core/config.hpp>

#include <bit>
#include <cstdint>

namespace longsky {

/// Sixteen bits of storage; arithmetic is done in float.
struct bf16 {
  std::uint16_t bits = 0;

  constexpr bf16() = default;
  LONGSKY_HD constexpr explicit bf16(float x) {
    const auto u = std::bit_cast<std::uint32_t>(x);
    const bool nan = (u & 0x7fffffffu) > 0x7f800000u;
    bits = nan ? static_cast<std::uint16_t>((u >> 16) | 0x40u)
               : static_cast<std::uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  LONGSKY_HD constexpr explicit operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
};
static_assert(sizeof(bf16) == 2);

/// The value a float has after a trip through bfloat16.
constexpr float rounded_to_bf16(float x) { return static_cast<float>(bf16(x)); }

}  // namespace longsky
