// The emulation's twin of longsky/cuda/arithmetic.cuh.
#pragma once

#include <longsky/core/half.hpp>

#include <cmath>
#include <cstdint>

namespace longsky::cuda {

inline std::uint32_t pack_bf16(float first, float second) {
  return bf16(first).bits | std::uint32_t{bf16(second).bits} << 16;
}

inline float exp2_approx(float x) { return x < -126 ? 0.0f : std::exp2(x); }

}  // namespace longsky::cuda
