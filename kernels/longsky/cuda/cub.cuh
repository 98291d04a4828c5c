// longsky/cuda/cub.cuh — what CUB does for us: reductions over a block, and a sort on the whole GPU. Nobody else
// includes CUB.
//
// Both are in one fixed order: the same bits in every run. The emulation has a twin of this file.
#pragma once

#include <longsky/cuda/device.cuh>

#include <cub/block/block_reduce.cuh>
#include <cub/device/device_radix_sort.cuh>

#include <cstddef>
#include <cstdint>

namespace longsky::cuda {

/// `combine` over the values of a block of `Threads` threads, in every thread. All threads must come.
template <int Threads, class T, class Combine>
__device__ T block_reduce(T x, Combine combine) {
  using Reduce = cub::BlockReduce<T, Threads, cub::BLOCK_REDUCE_WARP_REDUCTIONS>;
  __shared__ typename Reduce::TempStorage storage;
  __shared__ T all;
  __syncthreads();  // of an earlier reduction all has been read
  x = Reduce(storage).Reduce(x, combine);
  if (threadIdx.x == 0) all = x;
  __syncthreads();
  return all;
}

/// Queues a stable sort by key of `count` pairs. Keys are in [0, 2^key_bits). A template, so that only who sorts
/// compiles it.
template <class Key, class Value>
void sort_pairs(Device& device, Key* sorted_keys, const Key* keys, Value* sorted_values, const Value* values, int count,
                int key_bits) {
  if (count == 0) return;
  std::size_t bytes = 0;
  const auto sort = [&](void* scratch) {
    check(cub::DeviceRadixSort::SortPairs(scratch, bytes, keys, sorted_keys, values, sorted_values, count, 0, key_bits,
                                          device.stream()),
          "sort pairs");
  };
  sort(nullptr);  // says how much it needs
  sort(device.scratch(Scratch::sort, static_cast<std::int64_t>(bytes)));
}

}  // namespace longsky::cuda
