// The emulation's twin of longsky/cuda/cub.cuh: a reduction by shuffles and watched shared memory, a sort on the host.
#pragma once

#include <longsky/cuda/device.cuh>
#include <longsky/cuda/shared.cuh>
#include <longsky/cuda/warp.cuh>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace longsky::cuda {

template <int Threads, class T, class Combine>
T block_reduce(T x, Combine combine) {
  if (blockDim.x != Threads) emulation::block.fail("a reduction over another number of threads than the block has");
  __shared__ Shared<T, Threads / warp_size> of_warp;
  for (int apart = warp_size / 2; apart > 0; apart /= 2) x = combine(x, __shfl_xor_sync(all_lanes, x, apart));
  __syncthreads();
  if (threadIdx.x % warp_size == 0) of_warp[static_cast<int>(threadIdx.x / warp_size)] = x;
  __syncthreads();
  T all = of_warp[0];
  for (int i = 1; i < Threads / warp_size; ++i) all = combine(all, static_cast<T>(of_warp[i]));
  return all;
}

template <class Key, class Value>
void sort_pairs(Device&, Key* sorted_keys, const Key* keys, Value* sorted_values, const Value* values, int count,
                int key_bits) {
  for (int i = 0; i < count; ++i)
    if (keys[i] < 0 || std::int64_t{keys[i]} >> key_bits) throw std::logic_error("a key has more bits than are sorted");
  std::vector<int> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](int i) { return keys[i]; });
  for (int i = 0; i < count; ++i) {
    sorted_keys[i] = keys[order[static_cast<std::size_t>(i)]];
    sorted_values[i] = values[order[static_cast<std::size_t>(i)]];
  }
}

}  // namespace longsky::cuda
