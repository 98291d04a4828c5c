// longsky/cuda/block.cuh — what the threads of a block do together.
#pragma once

#include <longsky/cuda/cub.cuh>
#include <longsky/cuda/warp.cuh>

#include <cmath>

namespace longsky::cuda {

/// The sum over a block of `Threads` threads, in every thread, in one fixed order. All threads must come. A sum over
/// 32 threads is each warp's own.
template <int Threads, class T>
__device__ T block_sum(T x) {
  if constexpr (Threads == warp_size)
    return warp_sum(x);
  else
    return block_reduce<Threads>(x, [](T a, T b) { return a + b; });
}

/// The greatest over a block, in every thread; what is not a number is passed over.
template <int Threads>
__device__ float block_max(float x) {
  return block_reduce<Threads>(x, [](float a, float b) { return fmaxf(a, b); });
}

/// The least over a block, in every thread.
template <int Threads>
__device__ int block_min(int x) {
  return block_reduce<Threads>(x, [](int a, int b) { return a < b ? a : b; });
}

}  // namespace longsky::cuda
