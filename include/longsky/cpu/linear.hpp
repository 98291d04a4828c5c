// longsky/cpu/linear.hpp — a linear layer and its two gradients. W is [N, K], a row per output, as every framework has
// it.
//
//   y = x W^T + bias + residual      dx = dy W      dW += dy^T x      dbias += column sums of dy
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cpu/gemm.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace longsky::cpu {

inline constexpr std::int64_t few_rows = 4;  // up to here W is read once and in place: packing it would cost more

/// The product for a handful of rows, as in generation: dot products with the rows of W.
template <PrecisionPolicy Precision, int N, int K>
void linear_few_rows(Device& device, Rows<float, N> y, Rows<const float, K> x, const float* w, const float* bias,
                     const float* residual) {
  using Rounded = std::conditional_t<Precision::rounds_factors, RoundedFactors, FloatFactors>;
  constexpr int together = 4;  // outputs at a time, so that their sums do not wait for each other
  constexpr int padded = (K + vec_width - 1) / vec_width * vec_width;
  alignas(64) float of_x[few_rows][std::size_t{padded}] = {};
  for (std::int64_t t = 0; t < x.count; ++t) Rounded::copy_along(of_x[t], x[t], K);

  const int threads = x.count * N * K < 250'000 ? 1 : device.threads();
  parallel_chunks(threads, N, 256, [&](std::int64_t first, std::int64_t last, std::int64_t) {
    for (std::int64_t n0 = first; n0 < last; n0 += together) {
      const int outputs = static_cast<int>(std::min<std::int64_t>(together, last - n0));
      for (std::int64_t t = 0; t < x.count; ++t) {
        Vec sums[together] = {};
        for (int k = 0; k < K; k += vec_width) {
          const Vec of_k = load(of_x[t] + k);
          for (int i = 0; i < together; ++i) {
            const float* row = w + (n0 + std::min(i, outputs - 1)) * K + k;
            Vec of_w = k + vec_width <= K ? load(row) : load_first(row, K - k);
            if constexpr (Precision::rounds_factors) of_w = rounded(of_w);
            sums[i] += of_k * of_w;
          }
        }
        for (int i = 0; i < outputs; ++i) {
          const std::int64_t n = n0 + i;
          y[t][n] = sum(sums[i]) + (bias ? bias[n] : 0.0f) + (residual ? residual[t * N + n] : 0.0f);
        }
      }
    }
  });
}

/// y = x W^T + bias + residual. `bias` [N] and `residual` [rows, N] may be nullptr; `residual` may be y itself.
template <PrecisionPolicy Precision, int N, int K>
void linear_forward(Device& device, Rows<float, N> y, Rows<const float, K> x, const float* w, const float* bias,
                    const float* residual) {
  if (x.count <= few_rows) {
    linear_few_rows<Precision>(device, y, x, w, bias, residual);
    return;
  }
  gemm<Precision, Contiguous::along, Contiguous::along>(device, x.count, N, K, x.data, K, w, K, y.data, N,
                                                        {.addend = residual, .bias = bias});
}

/// dx = dy W, overwriting dx.
template <PrecisionPolicy Precision, int N, int K>
void linear_backward_input(Device& device, Rows<float, K> dx, Rows<const float, N> dy, const float* w) {
  gemm<Precision, Contiguous::along, Contiguous::across>(device, dy.count, K, N, dy.data, N, w, K, dx.data, K, {});
}

/// dw [N, K] += dy^T x, and dbias [N], where it is not nullptr, += the sums of dy's columns.
template <PrecisionPolicy Precision, int N, int K>
void linear_backward_weight(Device& device, float* dw, float* dbias, Rows<const float, N> dy, Rows<const float, K> x) {
  gemm<Precision, Contiguous::across, Contiguous::across>(device, N, K, dy.count, dy.data, N, x.data, K, dw, K,
                                                          {.addend = dw});
  if (!dbias) return;
  constexpr std::int64_t columns = 64;
  const int threads = dy.size() < 100'000 ? 1 : device.threads();
  parallel_chunks(threads, N, columns, [&](std::int64_t first, std::int64_t last, std::int64_t) {
    double sums[columns] = {};
    for (std::int64_t t = 0; t < dy.count; ++t)
      for (std::int64_t n = first; n < last; ++n) sums[n - first] += static_cast<double>(dy[t][n]);
    for (std::int64_t n = first; n < last; ++n) dbias[n] += static_cast<float>(sums[n - first]);
  });
}

/// What a layer and its gradients take of scratch memory.
template <PrecisionPolicy Precision>
constexpr ScratchPlan linear_scratch(int threads, std::int64_t rows, std::int64_t N, std::int64_t K) {
  ScratchPlan plan;
  if (rows > few_rows) plan.follow(gemm_scratch<Precision, Contiguous::along>(threads, rows, N, K));
  plan.follow(gemm_scratch<Precision, Contiguous::along>(threads, rows, K, N));
  return plan.follow(gemm_scratch<Precision, Contiguous::across>(threads, N, K, rows));
}

}  // namespace longsky::cpu
