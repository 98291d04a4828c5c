// longsky/cuda/cross_entropy.cuh — the head and its loss, a tile of tokens at a time: the N x V logits never exist.
//
//   logits = x W^T      loss[t] = log(sum over v of e^logits[t][v]) - logits[t][target]
//   dlogits = scale (softmax(logits) - onehot(target))      dx = dlogits W      dW += dlogits^T x
//
// A token whose target is -1 has no loss and no gradient, whatever its row of x holds: dlogits is zero there, and so is
// the copy of x that dW is made from. Logits are float, as their rounding would be the loss's; dlogits takes their
// place in the network's type.
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cuda/block.cuh>
#include <longsky/cuda/elementwise.cuh>
#include <longsky/cuda/linear.cuh>
#include <longsky/cuda/matmul.cuh>
#include <longsky/cuda/vec.cuh>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace longsky::cuda {

/// How many tokens share one pass over W and dW: as many as have 256 MiB of logits, at least 2,048 and at most 8,192.
/// With fewer tokens, reading and writing dW, 8 V C bytes a tile, is no longer little beside multiplying, 6 V C
/// operations a token.
template <int V>
struct CrossEntropyTile {
  static constexpr int threads = 512;  // of one row
  static constexpr std::int64_t leading = (std::int64_t{V} + 7) / 8 * 8;
  static constexpr std::int64_t tokens =
      std::clamp<std::int64_t>((std::int64_t{256} << 20) / (leading * 4) / 128 * 128, 2048, 8192);
};

namespace kernel {

/// One block reads the logits of one row: losses[t], best[t] and, with Gradient, dlogits of type T in their place.
/// Vector i of dlogits lies over logits that were read before the barrier of its round, so it never hides an unread
/// one.
template <class T, int V, class Tile, bool Gradient>
__global__ __launch_bounds__(Tile::threads) void cross_entropy_rows(float* losses, std::int32_t* best, float* logits,
                                                                    std::int64_t leading,
                                                                    const std::int32_t* __restrict__ targets,
                                                                    float scale) {
  constexpr int vec = Vec<T>::size, quads = vec / Vec<float>::size, step = Tile::threads * vec;
  const std::int64_t t = blockIdx.x;
  const float* const row = logits + t * leading;
  T* const drow = reinterpret_cast<T*>(logits + t * leading);
  const int target = targets[t], first = static_cast<int>(threadIdx.x) * vec;
  if (target < 0) {
    if (threadIdx.x == 0) {
      losses[t] = 0;
      if (best) best[t] = -1;
    }
    if constexpr (Gradient)
      for (std::int64_t v = first; v < V; v += step) Vec<T>{}.store(drow + v);
    return;
  }

  // What is not a number is passed over by `top` but not by `sum`.
  float top = -INFINITY, sum = 0;
  int at = 0;
  for (std::int64_t v = first; v < V; v += step) {
    float of_quad[std::size_t{vec}], higher = top;
#pragma unroll
    for (int q = 0; q < quads; ++q) {
      const auto quad = Vec<float>::load(row + v + q * Vec<float>::size);
#pragma unroll
      for (int j = 0; j < Vec<float>::size; ++j) of_quad[q * Vec<float>::size + j] = quad[j];
    }
#pragma unroll
    for (int j = 0; j < vec; ++j) {
      if (v + j >= V) of_quad[j] = -INFINITY;
      if (of_quad[j] > higher) higher = of_quad[j], at = static_cast<int>(v) + j;
    }
    if (higher > top) sum *= expf(top - higher), top = higher;
#pragma unroll
    for (int j = 0; j < vec; ++j)
      if (v + j < V) sum += expf(of_quad[j] - top);
  }
  const float row_top = block_max<Tile::threads>(top);
  const float total = block_sum<Tile::threads>(top == -INFINITY ? sum : sum * expf(top - row_top));
  if (best) {
    const int row_at = block_min<Tile::threads>(top == row_top ? at : V);
    if (threadIdx.x == 0) best[t] = row_at;
  }
  if (threadIdx.x == 0) losses[t] = logf(total) + (row_top - row[target]);
  if constexpr (Gradient) {
    const float factor = scale / total;
    __syncthreads();  // the target's logit has been read
    for (std::int64_t round = 0; round < V; round += step) {
      const std::int64_t v = round + first;
      float d[std::size_t{vec}];
      if (v < V) {
#pragma unroll
        for (int q = 0; q < quads; ++q) {
          const auto quad = Vec<float>::load(row + v + q * Vec<float>::size);
#pragma unroll
          for (int j = 0; j < Vec<float>::size; ++j) {
            const int i = q * Vec<float>::size + j;
            d[i] = factor * expf(quad[j] - row_top) - (v + i == target ? scale : 0.0f);
          }
        }
      }
      if constexpr (sizeof(T) < sizeof(float)) __syncthreads();
      if (v < V) Vec<T>::of(d).store(drow + v);
    }
  }
}

/// Item i is one vector of a row: x, or zeros in the row of a token without a target.
template <class T, int C>
struct TrainedRows {
  static constexpr int vec = Vec<T>::size, vectors = C / vec;
  static_assert(C % vec == 0, "longsky: a row must be a whole number of 16-byte loads; pad ModelSpec.width");
  T* to;
  const T* x;
  const std::int32_t* targets;
  __device__ void operator()(std::int64_t i) const {
    Vec<T> row{};
    if (targets[i / vectors] >= 0) row = Vec<T>::load(x + i * vec);
    row.store(to + i * vec);
  }
};

}  // namespace kernel

/// The tiles of one call. `dx` and `dw` are both there or both not.
template <PrecisionPolicy Precision, int V, int C, class Tile, class T>
void cross_entropy_tiles(Device& device, float* losses, std::int32_t* best, Rows<const T, C> x,
                         std::span<const std::int32_t> targets, const T* w, T* dx, float* dw, float scale) {
  static_assert(std::same_as<T, ElementOf<Precision>>, "longsky: the precision policy decides the type of the factors");
  using Trained = kernel::TrainedRows<T, C>;
  constexpr std::int64_t leading = Tile::leading;
  constexpr std::int64_t leading_d = leading * static_cast<std::int64_t>(sizeof(float) / sizeof(T));
  const std::int64_t most = std::min(Tile::tokens, x.count);
  auto* const logits =
      static_cast<float*>(device.scratch(Scratch::logits, most * (leading * static_cast<std::int64_t>(sizeof(float)) +
                                                                  C * static_cast<std::int64_t>(sizeof(T)))));
  auto* const dlogits = reinterpret_cast<T*>(logits);
  auto* const trained = reinterpret_cast<T*>(logits + most * leading);
  for (std::int64_t t = 0; t < x.count; t += most) {
    const std::int64_t n = std::min(most, x.count - t);
    const std::int32_t* const target = targets.data() + t;
    const auto rows = [&]<bool Gradient>(std::bool_constant<Gradient>) {
      launch(device, {n, Tile::threads}, kernel::cross_entropy_rows<T, V, Tile, Gradient>, losses + t,
             best ? best + t : nullptr, logits, leading, target, scale);
    };
    matmul(device, {n, V, C}, Factor<T>{x[t], C}, Factor<T>{w, C, true}, logits, leading);
    if (!dw) {
      rows(std::false_type{});
      continue;
    }
    rows(std::true_type{});
    for_each(device, n * Trained::vectors, Trained{trained, x[t], target});
    matmul(device, {n, C, V}, Factor<T>{dlogits, leading_d}, Factor<T>{w, C}, dx + t * C, C);
    matmul(device, {V, C, n}, Factor<T>{dlogits, leading_d, true}, Factor<T>{trained, C}, dw, C, dw);
  }
}

/// losses[t] for every row with a target, 0 for the others; best[t], where `best` is not nullptr, is the likeliest
/// token of a row with a target and -1 elsewhere. w is [V, C]. A test may pass its own tile.
template <PrecisionPolicy Precision, int V, int C, class Tile = CrossEntropyTile<V>, class U>
void cross_entropy_forward(Device& device, float* losses, std::int32_t* best, Rows<U, C> x,
                           std::span<const std::int32_t> targets,
                           const std::type_identity_t<std::remove_const_t<U>>* w) {
  using T = std::remove_const_t<U>;
  cross_entropy_tiles<Precision, V, C, Tile, T>(device, losses, best, x, targets, w, nullptr, nullptr, 1.0f);
}

/// Also dx = the gradient of scale * sum of losses (0 in rows without a target), and dw [V, C] += the same for w.
template <PrecisionPolicy Precision, int V, int C, class Tile = CrossEntropyTile<V>, class T>
void cross_entropy_forward_backward(Device& device, float* losses, Rows<T, C> dx, float* dw, In<T, C> x,
                                    std::span<const std::int32_t> targets, const std::type_identity_t<T>* w,
                                    float scale) {
  cross_entropy_tiles<Precision, V, C, Tile, T>(device, losses, nullptr, x, targets, w, dx.data, dw, scale);
}

}  // namespace longsky::cuda
