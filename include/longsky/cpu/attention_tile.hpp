// longsky/cpu/attention_tile.hpp — what attention's three passes share: the register block of a tile product, tiles
// that are turned, and what a mask says about a tile.
//
//   panel[i][c] = sum over k of a[i][k] * b[k][c]     (or a[k][i]),  c in one panel of `panel_width` columns
//
// One chain of multiply-adds per element, in the order of k: the result does not depend on how rows are blocked.
#pragma once

#include <longsky/cpu/vec.hpp>
#include <longsky/spec/mask.hpp>

#include <algorithm>
#include <cstdint>

namespace longsky::cpu {

/// Sequences of one batch. `documents` [sequences * context]; nullptr: every sequence is one document.
struct AttentionBatch {
  std::int64_t sequences;
  int context;
  const std::int32_t* documents;
};

inline constexpr int panel_width = 2 * vec_width;
inline constexpr int block_rows = vec_registers / 4;  // half of the registers are accumulators of two vectors a row

enum class Layout { rows, columns };  // a[i * stride + k] or a[k * stride + i]

/// One register block of M rows and V vectors. `start(i, v)` gives an accumulator, `finish(i, v, sum)` takes it.
template <int M, int V, Layout A, class Start, class Finish>
[[gnu::always_inline]] inline void multiply_block(int depth, const float* a, std::int64_t a_stride, const float* b,
                                                  std::int64_t b_stride, const Start& start, const Finish& finish) {
  Vec sums[M][V];
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sums[i][v] = start(i, v);
  for (int k = 0; k < depth; ++k) {
    Vec column[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) column[v] = load(b + k * b_stride + v * vec_width);
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i) {
      const float factor = A == Layout::rows ? a[i * a_stride + k] : a[k * a_stride + i];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[i][v] += factor * column[v];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) finish(i, v, sums[i][v]);
}

/// The product for `rows` rows and V vectors of columns.
template <int V, Layout A, class Start, class Finish>
[[gnu::always_inline]] inline void multiply_panel(int rows, int depth, const float* a, std::int64_t a_stride,
                                                  const float* b, std::int64_t b_stride, const Start& start,
                                                  const Finish& finish) {
  const std::int64_t next_row = A == Layout::rows ? a_stride : 1;
  const int whole = rows / block_rows * block_rows;
  for (int first = 0; first < whole; first += block_rows)
    multiply_block<block_rows, V, A>(
        depth, a + first * next_row, a_stride, b, b_stride,
        [&](int i, int v) __attribute__((always_inline)) { return start(first + i, v); },
        [&](int i, int v, Vec sum) __attribute__((always_inline)) { finish(first + i, v, sum); });
  for (int first = whole; first < rows; ++first)
    multiply_block<1, V, A>(
        depth, a + first * next_row, a_stride, b, b_stride,
        [&](int, int v) __attribute__((always_inline)) { return start(first, v); },
        [&](int, int v, Vec sum) __attribute__((always_inline)) { finish(first, v, sum); });
}

/// c[rows][Width] += the product; rows of b and of c are Width apart.
template <int Width, Layout A>
void multiply_add(float* c, int rows, int depth, const float* a, std::int64_t a_stride, const float* b) {
  static_assert(Width % vec_width == 0);
  constexpr int paired = Width / panel_width * panel_width;
  const auto columns = [&]<int V>(int first) __attribute__((always_inline)) {
    float* to = c + first;
    multiply_panel<V, A>(
        rows, depth, a, a_stride, b + first, Width,
        [&](int i, int v) __attribute__((always_inline)) { return load(to + i * Width + v * vec_width); },
        [&](int i, int v, Vec sum) __attribute__((always_inline)) { store(to + i * Width + v * vec_width, sum); });
  };
  for (int first = 0; first < paired; first += panel_width) columns.template operator()<2>(first);
  if constexpr (paired < Width) columns.template operator()<1>(paired);
}

/// panel[d][i] = rows[i][d] * scale for i < n, zero for the other columns of the panel.
template <int D>
void turn_to_panel(float* panel, const float* rows, int n, float scale) {
  alignas(64) float padded[vec_width * D];
  for (int i = 0; i < panel_width; i += vec_width) {
    const float* from = rows + std::int64_t{i} * D;
    if (i + vec_width > n) {
      std::fill_n(padded, vec_width * D, 0.0f);
      if (i < n) std::copy_n(from, (n - i) * D, padded);
      from = padded;
    }
    for (int d = 0; d < D; d += vec_width) transpose_square(panel + d * panel_width + i, panel_width, from + d, D, scale);
  }
}

/// The tokens of one sequence as a mask sees them.
struct SequencePlaces {
  const std::int32_t* documents;  // [context], nullptr: one document
  TokenPlace operator[](int index) const { return {index, documents ? documents[index] : 0}; }
  TokenRange range(int first, int last) const { return {(*this)[first], (*this)[last]}; }
};

}  // namespace longsky::cpu
