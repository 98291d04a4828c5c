// longsky/cuda/global_norm.cuh — sums over whole arrays: of losses, and of the squares of a gradient.
//
// They are made in double, in an order that depends on the size alone: the same bits in every run.
#pragma once

#include <longsky/cuda/block.cuh>
#include <longsky/cuda/launch.cuh>
#include <longsky/cuda/vec.cuh>

#include <algorithm>
#include <cstdint>
#include <span>
#include <type_traits>

namespace longsky::cuda {

struct NormTile {
  static constexpr int threads = 256;
  static constexpr std::int64_t most_blocks = 1024;
};

namespace kernel {

struct Value {
  __device__ double operator()(double x) const { return x; }
};
struct Square {
  __device__ double operator()(double x) const { return x * x; }
};

/// partial[block] = the sum of term(x[i]) over the block's share: every so many vectors, and the rest of fewer elements
/// than one has.
template <class Term, class T, class Tile>
__global__ __launch_bounds__(Tile::threads) void sum_terms(double* __restrict__ partial, const T* __restrict__ x,
                                                           std::int64_t size) {
  constexpr int vec = Vec<T>::size;
  double sum = 0;
  const std::int64_t vectors = size / vec, thread = static_cast<std::int64_t>(blockIdx.x) * Tile::threads + threadIdx.x,
                     stride = static_cast<std::int64_t>(gridDim.x) * Tile::threads;
#pragma unroll 2
  for (std::int64_t i = thread; i < vectors; i += stride) {
    const auto some = Vec<T>::load(x + i * vec);
#pragma unroll
    for (int j = 0; j < vec; ++j) sum += Term()(static_cast<double>(some[j]));
  }
  if (const std::int64_t i = vectors * vec + thread; i < size)
    sum += Term()(static_cast<double>(static_cast<float>(x[i])));
  sum = block_sum<Tile::threads>(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

/// *total = the sum of the partial sums, on top of what was there if `Adds`.
template <bool Adds, class Tile>
__global__ __launch_bounds__(Tile::threads) void sum_partials(double* total, const double* __restrict__ partial,
                                                              int count) {
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += Tile::threads) sum += partial[i];
  sum = block_sum<Tile::threads>(sum);
  if (threadIdx.x == 0) *total = Adds ? *total + sum : sum;
}

}  // namespace kernel

/// How many blocks share the terms of a sum.
template <class Tile>
constexpr std::int64_t sum_blocks(std::int64_t size) {
  return std::clamp<std::int64_t>((size + Tile::threads - 1) / Tile::threads, 1, Tile::most_blocks);
}

/// Queues *total (+)= the sum of Term(x).
template <class Term, bool Adds, class Tile, class T>
void sum_of(Device& device, double* total, std::span<const T> x) {
  const auto size = static_cast<std::int64_t>(x.size());
  const std::int64_t blocks = sum_blocks<Tile>(size);
  auto* const partial =
      static_cast<double*>(device.scratch(Scratch::reduction, blocks * static_cast<std::int64_t>(sizeof(double))));
  launch(device, {blocks, Tile::threads}, kernel::sum_terms<Term, T, Tile>, partial, x.data(), size);
  launch(device, {1, Tile::threads}, kernel::sum_partials<Adds, Tile>, total, partial, static_cast<int>(blocks));
}

/// Queues *total = the sum of x^2; x begins on 16 bytes, `total` is device memory. A test may pass its own tile.
template <class Tile = NormTile, class T>
void sum_of_squares(Device& device, double* total, std::span<T> x) {
  sum_of<kernel::Square, false, Tile, std::remove_const_t<T>>(device, total, x);
}

/// Queues *total += the sum of x; x begins on 16 bytes, `total` is device memory.
template <class Tile = NormTile, class T>
void add_sum(Device& device, double* total, std::span<T> x) {
  sum_of<kernel::Value, true, Tile, std::remove_const_t<T>>(device, total, x);
}

}  // namespace longsky::cuda
