// longsky/cuda/block.cuh — what the threads of a block do together.
#pragma once

#include <longsky/cuda/shared.cuh>
#include <longsky/cuda/warp.cuh>

namespace longsky::cuda {

/// The sum over a block of `Threads` threads, in every thread, in one fixed order. All threads must come.
template <int Threads, class T>
__device__ T block_sum(T x) {
  if constexpr (Threads == warp_size) {
    return warp_sum(x);
  } else {
    __shared__ Shared<T, Threads / warp_size> of_warp;
    x = warp_sum(x);
    __syncthreads();  // of an earlier sum all has been read
    if (threadIdx.x % warp_size == 0) of_warp[static_cast<int>(threadIdx.x / warp_size)] = x;
    __syncthreads();
    T sum = 0;
    for (int i = 0; i < Threads / warp_size; ++i) sum += of_warp[i];
    return sum;
  }
}

}  // namespace longsky::cuda
