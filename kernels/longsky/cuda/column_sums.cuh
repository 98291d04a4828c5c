// longsky/cuda/column_sums.cuh — sums over the rows of a matrix: the gradients of gains and biases.
//
//   to[c] += sum over t of x[t][c]
//
// Rows are dealt out to blocks in runs that depend on their number alone; the blocks' sums are added in order.
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cuda/launch.cuh>

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace longsky::cuda {

struct ColumnTile {
  static constexpr int threads = 256;  // a column each
  static constexpr std::int64_t least_rows = 64, most_runs = 128;
};

namespace kernel {

template <class T, int C, class Tile>
__global__ __launch_bounds__(Tile::threads) void sum_runs(float* __restrict__ partial, const T* __restrict__ x,
                                                          std::int64_t rows, std::int64_t of_run) {
  constexpr int blocks_of_run = (C + Tile::threads - 1) / Tile::threads;
  const int c = static_cast<int>(blockIdx.x) % blocks_of_run * Tile::threads + static_cast<int>(threadIdx.x);
  const std::int64_t run = blockIdx.x / blocks_of_run, first = run * of_run;
  const std::int64_t last = first + of_run < rows ? first + of_run : rows;
  if (c >= C) return;
  float sum = 0;
#pragma unroll 8
  for (std::int64_t t = first; t < last; ++t) sum += static_cast<float>(x[t * C + c]);
  partial[run * C + c] = sum;
}

template <int C, class Tile>
__global__ __launch_bounds__(Tile::threads) void add_partials(float* __restrict__ to, const float* __restrict__ partial,
                                                              int count) {
  const int c = static_cast<int>(blockIdx.x) * Tile::threads + static_cast<int>(threadIdx.x);
  if (c >= C) return;
  float sum = 0;
#pragma unroll 8
  for (int i = 0; i < count; ++i) sum += partial[static_cast<std::int64_t>(i) * C + c];
  to[c] += sum;
}

}  // namespace kernel

/// to [C] += the sum of `count` rows of partial sums, in order.
template <int C>
void add_partials(Device& device, float* to, const float* partial, int count) {
  launch(device, {(C + ColumnTile::threads - 1) / ColumnTile::threads, ColumnTile::threads},
         kernel::add_partials<C, ColumnTile>, to, partial, count);
}

/// How many rows are summed one after the other, and how many such runs there are.
constexpr std::int64_t column_sum_rows(std::int64_t rows) {
  return std::max(ColumnTile::least_rows, (rows + ColumnTile::most_runs - 1) / ColumnTile::most_runs);
}
constexpr std::int64_t column_sum_runs(std::int64_t rows) {
  return (rows + column_sum_rows(rows) - 1) / column_sum_rows(rows);
}

/// to [C] += the sums of the columns of x.
template <int C, class U>
void add_column_sums(Device& device, float* to, Rows<U, C> x) {
  using Tile = ColumnTile;
  if (x.count == 0) return;
  const std::int64_t of_run = column_sum_rows(x.count), runs = column_sum_runs(x.count);
  auto* const partial =
      static_cast<float*>(device.scratch(Scratch::reduction, runs * C * static_cast<std::int64_t>(sizeof(float))));
  launch(device, {runs * ((C + Tile::threads - 1) / Tile::threads), Tile::threads},
         kernel::sum_runs<std::remove_const_t<U>, C, Tile>, partial, x.data, x.count, of_run);
  add_partials<C>(device, to, partial, static_cast<int>(runs));
}

}  // namespace longsky::cuda
