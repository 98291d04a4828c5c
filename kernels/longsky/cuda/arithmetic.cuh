// longsky/cuda/arithmetic.cuh — what a GPU has one instruction for: rounding to bfloat16, and 2^x. The emulation has a
// twin of this file.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace longsky::cuda {

/// The two halves of 32 bits, the first in the lower ones, rounded to nearest even.
inline __device__ std::uint32_t pack_bf16(float first, float second) {
  std::uint32_t packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(second), "f"(first));
  return packed;
}

/// 2^x as the special function unit has it: two bits of error, and 0 where it would be below the normal numbers.
inline __device__ float exp2_approx(float x) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
}

}  // namespace longsky::cuda
