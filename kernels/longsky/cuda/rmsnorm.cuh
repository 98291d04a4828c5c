// longsky/cuda/rmsnorm.cuh — root-mean-square norm. A team of threads owns a row and reads it from memory once.
//
//   y[t][c]   = x[t][c] * r[t] * w[c],   r[t] = 1 / sqrt(mean over c of x[t][c]^2 + eps)
//   dx[t][c] += r[t] * (g[c] - x[t][c] * r[t]^2 * mean over c of g[c] * x[t][c]),   g[c] = dy[t][c] * w[c]
//   dw[c]    += sum over t of dy[t][c] * x[t][c] * r[t]
//
// dw is summed by each team over its rows, then over the teams of a block, then over the blocks, in order; which rows a
// team has depends on the row count alone.
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cuda/block.cuh>
#include <longsky/cuda/column_sums.cuh>
#include <longsky/cuda/launch.cuh>
#include <longsky/cuda/shared.cuh>
#include <longsky/cuda/vec.cuh>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace longsky::cuda {

/// How a block deals out rows of C elements of T: a narrow row to a warp, a wide one to the whole block, so that a
/// thread keeps at most four loads of it.
template <class T, int C>
struct RowTile {
  static constexpr int vec = Vec<T>::size, most_rounds = 4;
  static_assert(C % vec == 0, "longsky: a row must be a whole number of 16-byte loads; pad ModelSpec.width");
  static constexpr int team = [] {
    int threads = warp_size;
    while (threads * most_rounds * vec < C) threads *= 2;
    return threads;
  }();
  static_assert(team <= 1024, "longsky: the row is too wide for one block");
  static constexpr int rows = team == warp_size ? 4 : 1, threads = rows * team;
  static constexpr int rounds = (C / vec + team - 1) / team;  // loads of a thread for one row

  /// The sum over the team, in each of its threads.
  static __device__ float sum(float x) { return block_sum<team>(x); }
};

namespace kernel {

// y and x carry no __restrict__, for y may be x: a thread has read its part of the row before it writes any of it.
template <class T, int C, class Tile>
__global__ __launch_bounds__(Tile::threads, 1024 / Tile::threads) void rmsnorm_forward(T* y, float* __restrict__ r,
                                                                                       const T* x,
                                                                                       const T* __restrict__ w,
                                                                                       float eps, std::int64_t rows) {
  const int member = static_cast<int>(threadIdx.x) % Tile::team;
  const std::int64_t t = static_cast<std::int64_t>(blockIdx.x) * Tile::rows + threadIdx.x / Tile::team;
  if (t >= rows) return;

  Vec<T> kept[Tile::rounds];  // the row lives here between its sum and its scaling
  float squares = 0;
#pragma unroll
  for (int i = 0; i < Tile::rounds; ++i) {
    const int c = (i * Tile::team + member) * Tile::vec;
    if (c >= C) break;
    kept[i] = Vec<T>::load(x + t * C + c);
#pragma unroll
    for (int j = 0; j < Tile::vec; ++j) squares += kept[i][j] * kept[i][j];
  }
  const float scale = 1.0f / sqrtf(Tile::sum(squares) / C + eps);
  if (member == 0) r[t] = scale;

#pragma unroll
  for (int i = 0; i < Tile::rounds; ++i) {
    const int c = (i * Tile::team + member) * Tile::vec;
    if (c >= C) break;
    const auto gain = Vec<T>::load(w + c);
    float out[Tile::vec];
#pragma unroll
    for (int j = 0; j < Tile::vec; ++j) out[j] = kept[i][j] * scale * gain[j];
    Vec<T>::of(out).store(y + t * C + c);
  }
}

template <class T, int C, class Tile>
__global__ __launch_bounds__(Tile::threads) void rmsnorm_backward(T* __restrict__ dx, float* __restrict__ partial,
                                                                  const T* __restrict__ dy, const T* __restrict__ x,
                                                                  const float* __restrict__ r, const T* __restrict__ w,
                                                                  std::int64_t rows) {
  constexpr int vec = Tile::vec;
  __shared__ Shared<float, Tile::rows * C> dw_of_team;
  const int member = static_cast<int>(threadIdx.x) % Tile::team, team = static_cast<int>(threadIdx.x) / Tile::team;
  const std::int64_t teams = static_cast<std::int64_t>(gridDim.x) * Tile::rows;

  float dw[std::size_t{Tile::rounds}][std::size_t{vec}] = {};
  for (std::int64_t t = static_cast<std::int64_t>(blockIdx.x) * Tile::rows + team; t < rows; t += teams) {
    Vec<T> up[Tile::rounds], in[Tile::rounds];
    float product = 0;
#pragma unroll
    for (int i = 0; i < Tile::rounds; ++i) {
      const int c = (i * Tile::team + member) * vec;
      if (c >= C) break;
      up[i] = Vec<T>::load(dy + t * C + c);
      in[i] = Vec<T>::load(x + t * C + c);
      const auto gain = Vec<T>::load(w + c);
#pragma unroll
      for (int j = 0; j < vec; ++j) product += up[i][j] * gain[j] * in[i][j];
    }
    const float scale = r[t];
    const float along = Tile::sum(product) / C * scale * scale * scale;
#pragma unroll
    for (int i = 0; i < Tile::rounds; ++i) {
      const int c = (i * Tile::team + member) * vec;
      if (c >= C) break;
      const auto gain = Vec<T>::load(w + c);
      const auto before = Vec<T>::load(dx + t * C + c);
      float out[std::size_t{vec}];
#pragma unroll
      for (int j = 0; j < vec; ++j) {
        const float up_j = up[i][j] * scale;
        dw[i][j] += up_j * in[i][j];
        out[j] = before[j] + (up_j * gain[j] - in[i][j] * along);
      }
      Vec<T>::of(out).store(dx + t * C + c);
    }
  }

#pragma unroll
  for (int i = 0; i < Tile::rounds; ++i) {
    const int c = (i * Tile::team + member) * vec;
    if (c >= C) break;
#pragma unroll
    for (int j = 0; j < vec; ++j) dw_of_team[team * C + c + j] = dw[i][j];
  }
  __syncthreads();
  for (int c = static_cast<int>(threadIdx.x); c < C; c += Tile::threads) {
    float sum = 0;
    for (int k = 0; k < Tile::rows; ++k) sum += dw_of_team[k * C + c];
    partial[static_cast<std::int64_t>(blockIdx.x) * C + c] = sum;
  }
}

}  // namespace kernel

/// Writes the norm of every row of `x` to `y`, and each row's 1/rms to `r` [N] for the way back. `y` may be `x`.
template <int C, class T>
void rmsnorm_forward(Device& device, Rows<T, C> y, float* r, In<T, C> x, const T* w, float eps) {
  using Tile = RowTile<T, C>;
  launch(device, {(x.count + Tile::rows - 1) / Tile::rows, Tile::threads}, kernel::rmsnorm_forward<T, C, Tile>, y.data,
         r, x.data, w, eps, x.count);
}

/// How many blocks share the rows of a gradient.
template <class T, int C>
constexpr std::int64_t rmsnorm_backward_blocks(std::int64_t rows) {
  constexpr std::int64_t most = 512, at_once = RowTile<T, C>::rows;
  return std::min((rows + at_once - 1) / at_once, most);
}

/// Adds the gradients to `dx` and to `dw` [C]. `dx` may be neither `dy` nor `x`.
template <int C, class T>
void rmsnorm_backward(Device& device, Rows<T, C> dx, float* dw, In<T, C> dy, In<T, C> x, const float* r, const T* w) {
  using Tile = RowTile<T, C>;
  const std::int64_t blocks = rmsnorm_backward_blocks<T, C>(x.count);
  auto* const partial =
      static_cast<float*>(device.scratch(Scratch::reduction, blocks * C * static_cast<std::int64_t>(sizeof(float))));
  launch(device, {blocks, Tile::threads}, kernel::rmsnorm_backward<T, C, Tile>, dx.data, partial, dy.data, x.data, r, w,
         x.count);
  add_partials<C>(device, dw, partial, static_cast<int>(blocks));
}

}  // namespace longsky::cuda
