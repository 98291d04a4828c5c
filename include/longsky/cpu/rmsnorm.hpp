// longsky/cpu/rmsnorm.hpp — root-mean-square norm (Zhang & Sennrich 2019, arXiv 1910.07467).
//
//   y[t][c]   = x[t][c] * r[t] * w[c],   r[t] = 1 / sqrt(mean over c of x[t][c]^2 + eps)
//   dx[t][c] += r[t] * (g[c] - x[t][c] * r[t]^2 * mean over c of g[c] * x[t][c]),   g[c] = dy[t][c] * w[c]
//   dw[c]    += sum over t of dy[t][c] * x[t][c] * r[t]
//
// dw is summed inside chunks of rows and then over the chunks in order; their borders depend on the row count alone.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/cpu/device.hpp>
#include <longsky/cpu/vec.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace longsky::cpu {

/// Writes the norm of every row of `x` to `y`, and each row's 1/rms to `r` [N] for the way back. `y` may be `x`.
template <int C>
void rmsnorm_forward(Device& device, Rows<float, C> y, float* r, Rows<const float, C> x, const float* w, float eps) {
  static_assert(C % 16 == 0, "longsky: a row must be a multiple of 16 wide; pad ModelSpec.width");
  constexpr std::int64_t rows_per_chunk = std::max(1, 16384 / C);
  parallel_chunks(device.threads(), x.count, rows_per_chunk, [&](std::int64_t first, std::int64_t last, std::int64_t) {
    for (std::int64_t t = first; t < last; ++t) {
      const float* in = x[t];
      float* out = y[t];
      Vec squares = zero();
      for (int c = 0; c < C; c += vec_width) squares += load(in + c) * load(in + c);
      const float scale = 1.0f / std::sqrt(sum(squares) / C + eps);
      r[t] = scale;
      for (int c = 0; c < C; c += vec_width) store(out + c, load(in + c) * scale * load(w + c));
    }
  });
}

/// Rows whose part of dw is summed by one thread.
constexpr std::int64_t rmsnorm_chunk(std::int64_t rows, std::int64_t C) {
  return std::max<std::int64_t>(std::max<std::int64_t>(16, 16384 / C), (rows + 255) / 256);
}
constexpr ScratchPlan rmsnorm_scratch(std::int64_t rows, std::int64_t C) {
  const std::int64_t chunk = rmsnorm_chunk(rows, C);
  ScratchPlan plan;
  plan[Scratch::reduction] = (rows + chunk - 1) / chunk * C;
  return plan;
}

/// Adds the gradients to `dx` and to `dw` [C].
template <int C>
void rmsnorm_backward(Device& device, Rows<float, C> dx, float* dw, Rows<const float, C> dy, Rows<const float, C> x,
                      const float* r, const float* w) {
  static_assert(C % 16 == 0, "longsky: a row must be a multiple of 16 wide; pad ModelSpec.width");
  const std::int64_t rows_per_chunk = rmsnorm_chunk(x.count, C);
  const std::int64_t chunks = (x.count + rows_per_chunk - 1) / rows_per_chunk;
  float* partial = device.scratch(Scratch::reduction, rmsnorm_scratch(x.count, C)[Scratch::reduction]);  // [chunks, C]
  parallel_chunks(device.threads(), x.count, rows_per_chunk,
                  [&](std::int64_t first, std::int64_t last, std::int64_t k) {
                    float* dw_part = partial + k * C;
                    std::fill_n(dw_part, C, 0.0f);
                    for (std::int64_t t = first; t < last; ++t) {
                      const float* in = x[t];
                      const float* up = dy[t];
                      float* out = dx[t];
                      Vec product = zero();
                      for (int c = 0; c < C; c += vec_width) product += load(up + c) * load(w + c) * load(in + c);
                      const float scale = r[t];
                      const float along = sum(product) / C * scale * scale * scale;
                      for (int c = 0; c < C; c += vec_width) {
                        const Vec up_c = load(up + c) * scale, in_c = load(in + c);
                        store(dw_part + c, load(dw_part + c) + up_c * in_c);
                        store(out + c, load(out + c) + (up_c * load(w + c) - in_c * along));
                      }
                    }
                  });
  for (std::int64_t k = 0; k < chunks; ++k)
    for (int c = 0; c < C; c += vec_width) store(dw + c, load(dw + c) + load(partial + k * C + c));
}

}  // namespace longsky::cpu
