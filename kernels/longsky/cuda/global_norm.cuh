// longsky/cuda/global_norm.cuh — the square of the norm of a whole gradient.
//
// Squares are summed in double, in an order that depends on the size alone: the same bits in every run.
#pragma once

#include <longsky/cuda/block.cuh>
#include <longsky/cuda/launch.cuh>

#include <algorithm>
#include <cstdint>
#include <span>

namespace longsky::cuda {

struct NormTile {
  static constexpr int threads = 256;
  static constexpr std::int64_t most_blocks = 1024;
};

namespace kernel {

template <class T, class Tile>
__global__ __launch_bounds__(Tile::threads) void sum_squares(double* __restrict__ partial, const T* __restrict__ x,
                                                             std::int64_t size) {
  double sum = 0;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * Tile::threads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * Tile::threads + threadIdx.x; i < size; i += stride) {
    const double value = static_cast<float>(x[i]);
    sum += value * value;
  }
  sum = block_sum<Tile::threads>(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

template <class Tile>
__global__ __launch_bounds__(Tile::threads) void sum_partials(double* total, const double* __restrict__ partial,
                                                              int count) {
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += Tile::threads) sum += partial[i];
  sum = block_sum<Tile::threads>(sum);
  if (threadIdx.x == 0) *total = sum;
}

}  // namespace kernel

/// Queues *total = the sum of x^2; `total` is device memory. A test may pass its own tile.
template <class Tile = NormTile, class T>
void sum_of_squares(Device& device, double* total, std::span<const T> x) {
  const auto size = static_cast<std::int64_t>(x.size());
  const std::int64_t blocks =
      std::clamp<std::int64_t>((size + Tile::threads - 1) / Tile::threads, 1, Tile::most_blocks);
  auto* const partial =
      static_cast<double*>(device.scratch(Scratch::reduction, blocks * static_cast<std::int64_t>(sizeof(double))));
  launch(device, {blocks, Tile::threads}, kernel::sum_squares<T, Tile>, partial, x.data(), size);
  launch(device, {1, Tile::threads}, kernel::sum_partials<Tile>, total, partial, static_cast<int>(blocks));
}

/// The sum of x^2, waited for.
template <class Tile = NormTile, class T>
double sum_of_squares(Device& device, std::span<const T> x) {
  auto* const total = static_cast<double*>(device.scratch(Scratch::result, sizeof(double)));
  sum_of_squares<Tile>(device, total, x);
  double on_host;
  device.download(&on_host, total, 1);
  return on_host;
}

}  // namespace longsky::cuda
