// longsky/cpu/swiglu.hpp — the gated unit of the feed-forward layer (Shazeer 2020, arXiv 2002.05202).
//
//   y = silu(gate) * up,  silu(g) = g * s,  s = 1 / (1 + e^-g)
//   dup = dy * silu(gate),  dgate = dy * up * s * (1 + g * (1 - s))
//
// A row of `gate_up` holds F gates, then F ups.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/cpu/device.hpp>
#include <longsky/cpu/vec.hpp>

#include <algorithm>
#include <cstdint>

namespace longsky::cpu {

/// Writes every element of `y`.
template <int F>
void swiglu_forward(Device& device, Rows<float, F> y, Rows<const float, 2 * F> gate_up) {
  constexpr std::int64_t rows_per_chunk = std::max(1, 16384 / F);
  parallel_chunks(device.threads(), y.count, rows_per_chunk, [&](std::int64_t first, std::int64_t last, std::int64_t) {
    const auto unit = [](Vec gate, Vec up) { return gate * sigmoid(gate) * up; };
    constexpr int full = F / vec_width * vec_width, rest = F - full;
    for (std::int64_t t = first; t < last; ++t) {
      const float *gate = gate_up[t], *up = gate + F;
      float* out = y[t];
      for (int i = 0; i < full; i += vec_width) store(out + i, unit(load(gate + i), load(up + i)));
      if constexpr (rest > 0)
        store_first(out + full, unit(load_first(gate + full, rest), load_first(up + full, rest)), rest);
    }
  });
}

/// Writes every element of `dgate_up`, which may be `gate_up` itself.
template <int F>
void swiglu_backward(Device& device, Rows<float, 2 * F> dgate_up, Rows<const float, F> dy,
                     Rows<const float, 2 * F> gate_up) {
  constexpr std::int64_t rows_per_chunk = std::max(1, 16384 / F);
  parallel_chunks(device.threads(), dy.count, rows_per_chunk, [&](std::int64_t first, std::int64_t last, std::int64_t) {
    struct Both {
      Vec gate, up;
    };
    const auto unit = [](Vec d, Vec gate, Vec up) {
      const Vec s = sigmoid(gate);
      return Both{d * up * s * (1.0f + gate * (1.0f - s)), d * gate * s};
    };
    constexpr int full = F / vec_width * vec_width, rest = F - full;
    for (std::int64_t t = first; t < last; ++t) {
      const float *d = dy[t], *gate = gate_up[t], *up = gate + F;
      float *dgate = dgate_up[t], *dup = dgate + F;
      for (int i = 0; i < full; i += vec_width) {
        const Both both = unit(load(d + i), load(gate + i), load(up + i));
        store(dgate + i, both.gate);
        store(dup + i, both.up);
      }
      if constexpr (rest > 0) {
        const Both both = unit(load_first(d + full, rest), load_first(gate + full, rest), load_first(up + full, rest));
        store_first(dgate + full, both.gate, rest);
        store_first(dup + full, both.up, rest);
      }
    }
  });
}

}  // namespace longsky::cpu
