// longsky/cpu/attention_tile.hpp — what attention's three passes share: the register block of a tile product, tiles
// that are turned, and what a mask says about a tile.
//
//   panel[i][c] = sum over k of a[i][k] * b[k][c]     (or a[k][i]),  c in one panel of `panel_width` columns
//
// One chain of multiply-adds per element, in the order of k: the result does not depend on how rows are blocked.
#pragma once

#include <longsky/cpu/vec.hpp>
#include <longsky/spec/attention.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace longsky::cpu {

/// Columns of one panel: three vectors. With eight rows that is 24 of 32 registers of sums, with four 12 of 16; on
/// Sapphire Rapids blocks of 8 x 3 and 6 x 4 reach 0.89 to 0.92 of the peak, 8 x 2 reaches 0.83 to 0.86.
inline constexpr int panel_vectors = 3;
inline constexpr int panel_width = panel_vectors * vec_width;

/// Rows of a register block that is V vectors wide.
template <int V>
inline constexpr int block_rows = std::min(12, vec_registers * 3 / 4 / V);

/// Tile sizes are multiples of this one, and so of every block's rows and, up to AVX-512, of a panel.
inline constexpr int tile_unit = 48;
static_assert(tile_unit % panel_width == 0);

enum class Layout { rows, columns };  // a[i * stride + k] or a[k * stride + i]

/// One register block of M rows and V vectors, depth at least 1 (a loop that may not run makes g++ spill the sums).
/// `start(i, v)` gives an accumulator, `finish(i, v, sum)` takes it.
template <int M, int V, Layout A, class Start, class Finish>
[[gnu::always_inline]] inline void multiply_block(int depth, const float* a, std::int64_t a_stride, const float* b,
                                                  std::int64_t b_stride, const Start& start, const Finish& finish) {
  Vec sums[std::size_t{M}][std::size_t{V}];
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sums[i][v] = start(i, v);
  int k = 0;
  do {
    Vec column[std::size_t{V}];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) column[v] = load(b + k * b_stride + v * vec_width);
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i) {
      const float factor = A == Layout::rows ? a[i * a_stride + k] : a[k * a_stride + i];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[i][v] += factor * column[v];
    }
  } while (++k < depth);
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
  constexpr int M = block_rows<V>;
  const int whole = rows / M * M;
  for (int first = 0; first < whole; first += M)
    multiply_block<M, V, A>(
        depth, a + first * next_row, a_stride, b,
        b_stride, [&](int i, int v) __attribute__((always_inline)) { return start(first + i, v); },
        [&](int i, int v, Vec sum) __attribute__((always_inline)) { finish(first + i, v, sum); });
  for (int first = whole; first < rows; ++first)
    multiply_block<1, V, A>(
        depth, a + first * next_row, a_stride, b,
        b_stride, [&](int, int v) __attribute__((always_inline)) { return start(first, v); },
        [&](int, int v, Vec sum) __attribute__((always_inline)) { finish(first, v, sum); });
}

/// c[rows][Width] += the product; rows of b and of c are Width apart.
template <int Width, Layout A>
void multiply_add(float* c, int rows, int depth, const float* a, std::int64_t a_stride, const float* b) {
  constexpr int vectors = Width / vec_width, widest = 4, rest = vectors % widest;
  const auto columns = [&]<int V>(std::integral_constant<int, V>, int first) __attribute__((always_inline)) {
    float* to = c + first;
    multiply_panel<V, A>(
        rows, depth, a, a_stride, b + first,
        Width, [&](int i, int v) __attribute__((always_inline)) { return load(to + i * Width + v * vec_width); },
        [&](int i, int v, Vec sum) __attribute__((always_inline)) { store(to + i * Width + v * vec_width, sum); });
  };
  for (int v = 0; v < vectors - rest; v += widest) columns(std::integral_constant<int, widest>{}, v * vec_width);
  if constexpr (rest > 0) columns(std::integral_constant<int, rest>{}, (vectors - rest) * vec_width);
}

/// Asks for `rows` rows of D floats, `stride` apart, in the second-level cache: the third is too far for the core to
/// hide.
template <int D>
inline void prefetch_rows(const float* from, int rows, std::int64_t stride = D) {
  for (int i = 0; i < rows; ++i)
    for (int d = 0; d < D; d += 16) __builtin_prefetch(from + i * stride + d, 0, 2);
}

/// panel[d][i] = rows[i][d] * scale for i < n, zero for the other columns of the panel.
template <int D>
void turn_to_panel(float* panel, const float* rows, int n, float scale) {
  alignas(64) float padded[std::size_t{vec_width * D}];
  for (int i = 0; i < panel_width; i += vec_width) {
    const float* from = rows + std::int64_t{i} * D;
    if (i + vec_width > n) {
      std::fill_n(padded, vec_width * D, 0.0f);
      if (i < n) std::copy_n(from, (n - i) * D, padded);
      from = padded;
    }
    for (int d = 0; d < D; d += vec_width)
      transpose_square(panel + d * panel_width + i, panel_width, from + d, D, scale);
  }
}

}  // namespace longsky::cpu
