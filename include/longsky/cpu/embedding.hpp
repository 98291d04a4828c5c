// longsky/cpu/embedding.hpp — the table lookup that turns tokens into rows, and its gradient.
//
//   x[t] = scale * table[token[t]]        dtable[token[t]] += scale * dx[t]
//
// A token may occur many times: backward deals out columns, not tokens, so each sum runs in the order of the tokens.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/cpu/device.hpp>

#include <algorithm>
#include <cstdint>
#include <span>

namespace longsky::cpu {

/// Writes the scaled row of every token to `x`. Every token must be in [0, table.count).
template <int C>
void embedding_forward(Device& device, Rows<float, C> x, std::span<const std::int32_t> tokens,
                       Rows<const float, C> table, float scale) {
  parallel_chunks(device.threads(), x.count, 256, [&](std::int64_t first, std::int64_t last, std::int64_t) {
    for (std::int64_t t = first; t < last; ++t) {
      const float* __restrict from = table[tokens[static_cast<std::size_t>(t)]];
      float* __restrict to = x[t];
      for (int c = 0; c < C; ++c) to[c] = scale * from[c];
    }
  });
}

/// Adds the gradient of every row of `x` to its token's row of `dtable`.
template <int C>
void embedding_backward(Device& device, Rows<float, C> dtable, std::span<const std::int32_t> tokens,
                        Rows<const float, C> dx, float scale) {
  constexpr int columns = std::min(C, 64);
  parallel_for(device.threads(), (C + columns - 1) / columns, [&](std::int64_t part) {
    const int begin = static_cast<int>(part) * columns;
    const int end = std::min(C, begin + columns);
    for (std::int64_t t = 0; t < dx.count; ++t) {
      const float* __restrict from = dx[t];
      float* __restrict to = dtable[tokens[static_cast<std::size_t>(t)]];
      for (int c = begin; c < end; ++c) to[c] += scale * from[c];
    }
  });
}

}  // namespace longsky::cpu
