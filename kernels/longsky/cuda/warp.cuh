// longsky/cuda/warp.cuh — what the 32 threads of a warp do together.
#pragma once

#include <cuda_runtime.h>

namespace longsky::cuda {

inline constexpr int warp_size = 32;
inline constexpr unsigned all_lanes = 0xffffffffu;

/// x, of which the compiler is told nothing: addresses made of it are made where they are used, and not kept in
/// registers through a loop that needs those for sums.
inline __device__ unsigned opaque(unsigned x) {
  asm volatile("" : "+r"(x));
  return x;
}
template <class T>
__device__ T* opaque(T* x) {
  asm volatile("" : "+l"(x));
  return x;
}
inline __device__ unsigned opaque_lane() { return opaque(threadIdx.x % warp_size); }
inline __device__ int opaque_warp() { return static_cast<int>(opaque(threadIdx.x) / warp_size); }

/// The sum over the warp, in every lane, in one fixed order.
template <class T>
__device__ T warp_sum(T x) {
#pragma unroll
  for (int apart = warp_size / 2; apart > 0; apart /= 2) x += __shfl_xor_sync(all_lanes, x, apart);
  return x;
}

}  // namespace longsky::cuda
