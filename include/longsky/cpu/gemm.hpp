// longsky/cpu/gemm.hpp — the matrix product all others are made of: a block of registers, panels of B, tiles of C.
//
//   C[m, n] = A[m, k] B[k, n]  (+ addend[m, n])  (+ bias[n])
//
// B is packed in zero-padded panels as wide as the register block; A is read in place, or converted tile by tile. Every
// element of C is summed along k by one thread in one order, so tiles and threads do not change its bits.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/cpu/device.hpp>
#include <longsky/cpu/gemm_bf16.hpp>
#include <longsky/cpu/vec.hpp>
#include <longsky/spec/precision.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace longsky::cpu {

// The register block: gemm_rows x block_vecs accumulators, beside block_vecs of B and one of A. 6 x 4 is 5 to 9 % faster
// than 14 x 2 where there are 32 registers: it loads 10 vectors for 24 products, not 16 for 28 (Sapphire Rapids, 2026-11).
inline constexpr int gemm_rows = 6;
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int block_vecs = 4;
#else
inline constexpr int block_vecs = 2;
#endif
inline constexpr int gemm_panel = block_vecs * vec_width;
inline constexpr int depth_block = 512;  // along k; a panel of B then stays in the second level of cache

/// Floats as they are.
struct FloatFactors {
  using Element = float;
  using Elements = Vec;
  static constexpr int depth = 1;
  static constexpr bool in_place = true;

  static void copy_along(float* to, const float* from, std::int64_t k) {
    for (; k >= vec_width; k -= vec_width, to += vec_width, from += vec_width) store(to, load(from));
    for (std::int64_t i = 0; i < k; ++i) to[i] = from[i];
  }
  static void copy_across(float* to, const float* from, std::int64_t /*leading*/, int /*rows*/, std::int64_t n) {
    copy_along(to, from, n);
  }
  [[gnu::always_inline]] static Elements spread(float x) { return broadcast(x); }
  [[gnu::always_inline]] static Vec multiply_add(Vec sum, Elements a, Elements b) { return sum + a * b; }
};

template <PrecisionPolicy Precision>
using FactorsOf = std::conditional_t<Precision::rounds_factors, Bf16Factors, FloatFactors>;

/// Which axis of a factor is contiguous in memory: the one that is summed over, or the other.
enum class Contiguous { along, across };

/// Where a block of C goes, and what is added on the way.
struct TileOutput {
  float* c;
  std::int64_t c_leading;
  const float* addend;  // nullptr, or as C; it may be C itself
  std::int64_t addend_leading;
  const float* bias;  // nullptr, or [columns]
  int columns;        // at most gemm_panel
};

template <int N, class Body>
[[gnu::always_inline]] inline void unrolled(const Body& body) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (body(std::integral_constant<int, I>{}), ...);
  }(std::make_integer_sequence<int, N>{});
}

/// The end of a block in a panel with fewer than gemm_panel columns; sums is [rows][gemm_panel].
[[gnu::noinline]] inline void store_columns(int rows, const float* sums, const TileOutput& out) {
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < out.columns; ++j) {
      float sum = sums[i * gemm_panel + j];
      if (out.bias) sum += out.bias[j];
      if (out.addend) sum += out.addend[i * out.addend_leading + j];
      out.c[i * out.c_leading + j] = sum;
    }
}

/// What a register block multiplies: `chunks` runs of `depth` elements along k, `a_stride` and `b_stride` elements apart.
/// Meanwhile it fetches `ahead`, bytes that the next blocks will read, ahead_step of them per element of k.
template <class Element>
struct TileInput {
  std::int64_t depth;
  const Element* a;
  std::int64_t a_leading;
  const Element* b;
  const char* ahead;
  std::int64_t ahead_step = 0;
  std::int64_t chunks = 1, a_stride = 0, b_stride = 0;
};

/// One register block: R rows of A times one panel of B.
template <class Factors, Contiguous A, int R>
void register_block(const TileInput<typename Factors::Element>& in, const TileOutput& out) {
  using Elements = typename Factors::Elements;
  Vec sums[R][block_vecs] = {};
  const auto *a = in.a, *b = in.b;
  for (std::int64_t chunk = 0; chunk < in.chunks; ++chunk, a += in.a_stride, b += in.b_stride)
    for (std::int64_t k = 0; k < in.depth; ++k) {
      Elements of_b[block_vecs];
      unrolled<block_vecs>([&](auto v) __attribute__((always_inline)) {
        std::memcpy(&of_b[v], b + k * gemm_panel + v * vec_width, sizeof(Elements));
      });
      __builtin_prefetch(in.ahead + k * in.ahead_step);
      unrolled<R>([&](auto i) __attribute__((always_inline)) {
        const Elements of_a = Factors::spread(A == Contiguous::along ? a[i * in.a_leading + k] : a[k * in.a_leading + i]);
        unrolled<block_vecs>([&](auto v) __attribute__((always_inline)) {
          sums[i][v] = Factors::multiply_add(sums[i][v], of_a, of_b[v]);
        });
      });
    }
  if (out.columns == gemm_panel) {
    unrolled<R>([&](auto i) __attribute__((always_inline)) {
      unrolled<block_vecs>([&](auto v) __attribute__((always_inline)) {
        Vec sum = sums[i][v];
        if (out.bias) sum += load(out.bias + v * vec_width);
        if (out.addend) sum += load(out.addend + i * out.addend_leading + v * vec_width);
        store(out.c + i * out.c_leading + v * vec_width, sum);
      });
    });
    return;
  }
  float padded[R][gemm_panel];
  unrolled<R>([&](auto i) __attribute__((always_inline)) {
    unrolled<block_vecs>([&](auto v) __attribute__((always_inline)) { store(&padded[i][v * vec_width], sums[i][v]); });
  });
  store_columns(R, &padded[0][0], out);
}

/// register_block for a number of rows known at run time, 1 … gemm_rows.
template <class Factors, Contiguous A>
void register_block_of(int rows, const TileInput<typename Factors::Element>& in, const TileOutput& out) {
  using Block = void (*)(const TileInput<typename Factors::Element>&, const TileOutput&);
  static constexpr auto blocks = []<int... R>(std::integer_sequence<int, R...>) {
    return std::array<Block, gemm_rows>{register_block<Factors, A, R + 1>...};
  }(std::make_integer_sequence<int, gemm_rows>{});
  blocks[static_cast<std::size_t>(rows - 1)](in, out);
}

/// Packs columns [0, columns) and depth [0, k) of B as one panel: to[element of k][gemm_panel], zero-padded.
template <class Factors, Contiguous B>
void pack_panel(typename Factors::Element* to, const float* b, std::int64_t leading, std::int64_t k, int columns) {
  constexpr int depth = Factors::depth;
  const std::int64_t elements = (k + depth - 1) / depth;
  if (columns < gemm_panel) std::fill_n(to, elements * gemm_panel, typename Factors::Element{});
  if constexpr (B == Contiguous::across) {
    for (std::int64_t e = 0; e < elements; ++e)
      Factors::copy_across(to + e * gemm_panel, b + e * depth * leading, leading,
                           static_cast<int>(std::min<std::int64_t>(depth, k - e * depth)), columns);
  } else {
    constexpr int strip = 16;  // elements of one column that are converted at once, a line of cache
    for (std::int64_t e = 0; e < elements; e += strip) {
      const std::int64_t n = std::min<std::int64_t>(strip, elements - e);
      for (int j = 0; j < columns; ++j) {
        typename Factors::Element column[strip];
        Factors::copy_along(column, b + j * leading + e * depth, std::min(n * depth, k - e * depth));
        for (std::int64_t i = 0; i < n; ++i) to[(e + i) * gemm_panel + j] = column[i];
      }
    }
  }
}

/// A range of n things cut in `parts` as equal as can be: where part p begins.
constexpr std::int64_t cut(std::int64_t n, std::int64_t parts, std::int64_t p) { return n * p / parts; }

/// What is added to a product. `addend` is C-shaped with C's leading dimension and may be C itself.
struct GemmAddends {
  const float* addend = nullptr;
  const float* bias = nullptr;
};

/// The part of a product that one thread computes at a time: strips of rows times panels, over one block of k.
struct Tile {
  std::int64_t first_strip, last_strip, first_panel, last_panel;
};

template <class Factors, Contiguous A>
struct BlockOfDepth {
  using Element = typename Factors::Element;
  static constexpr std::int64_t most_strips = 18;  // so that a tile's rows of A stay in the second level of cache
  static constexpr bool in_place = Factors::in_place && A == Contiguous::along;

  std::int64_t m, n, depth, elements;
  const float* a;
  std::int64_t a_leading;
  const Element* panels;
  float* c;
  std::int64_t c_leading;
  const float* addend;
  const float* bias;

  void compute(const Tile& tile) const {
    if constexpr (in_place) {
      multiply(tile, a, a_leading);
    } else {
      alignas(64) Element converted[most_strips * gemm_rows * depth_block / Factors::depth];
      const std::int64_t i0 = cut(m, strips(), tile.first_strip);
      convert(converted - i0 * elements, tile);
      multiply(tile, converted - i0 * elements, elements);
    }
  }

 private:
  std::int64_t strips() const { return (m + gemm_rows - 1) / gemm_rows; }

  // A's rows as elements, each strip for itself: [row][element of k], or [element of k][row] when A lies across.
  void convert(Element* to, const Tile& tile) const {
    if constexpr (A == Contiguous::along) {
      const std::int64_t first = cut(m, strips(), tile.first_strip), last = cut(m, strips(), tile.last_strip);
      for (std::int64_t i = first; i < last; ++i) Factors::copy_along(to + i * elements, a + i * a_leading, depth);
    } else {
      std::int64_t starts[most_strips + 1];  // cut() divides, which is too slow for the loop
      const std::int64_t count = tile.last_strip - tile.first_strip, a_end = (depth - 1) * a_leading + m;
      for (std::int64_t s = 0; s <= count; ++s) starts[s] = cut(m, strips(), tile.first_strip + s);
      for (std::int64_t e = 0; e < elements; ++e) {
        const std::int64_t k = e * Factors::depth;
        const int rows_of_k = static_cast<int>(std::min<std::int64_t>(Factors::depth, depth - k));
        for (std::int64_t s = 0; s < count; ++s) {
          const std::int64_t i = starts[s], rows = starts[s + 1] - i, from = k * a_leading + i;
          Element* const into = to + i * elements + e * rows;
          // A whole vector where it ends inside A and inside the strip, whose rest is yet to come: no loop over six.
          if (Factors::depth == 1 && rows <= vec_width && e * rows + vec_width <= elements * rows &&
              from + vec_width <= a_end)
            Factors::copy_across(into, a + from, a_leading, 1, vec_width);
          else
            Factors::copy_across(into, a + from, a_leading, rows_of_k, rows);
        }
      }
    }
  }

  // Row i of A begins at of_a[i * leading].
  void multiply(const Tile& tile, const Element* of_a, std::int64_t leading) const {
    const std::int64_t strips_here = tile.last_strip - tile.first_strip;
    const std::int64_t panel_bytes = gemm_panel * elements * std::int64_t{sizeof(Element)};
    for (std::int64_t p = tile.first_panel; p < tile.last_panel; ++p) {
      const std::int64_t next = p + 1 < tile.last_panel ? p + 1 : tile.first_panel;
      const char* const next_panel = reinterpret_cast<const char*>(panels) + next * panel_bytes;
      for (std::int64_t s = tile.first_strip; s < tile.last_strip; ++s) {
        const std::int64_t i = cut(m, strips(), s), j = p * gemm_panel, at = i * c_leading + j;
        const std::int64_t rows = cut(m, strips(), s + 1) - i;
        register_block_of<Factors, A>(
            static_cast<int>(rows),
            {.depth = elements,
             .a = of_a + i * leading,
             .a_leading = A == Contiguous::along ? leading : rows,
             .b = panels + j * elements,
             .ahead = next_panel + cut(panel_bytes, strips_here, s - tile.first_strip),
             .ahead_step = panel_bytes / (elements * strips_here)},
            {c + at, c_leading, addend ? addend + at : nullptr, c_leading, bias ? bias + j : nullptr,
             static_cast<int>(std::min<std::int64_t>(gemm_panel, n - j))});
      }
    }
  }
};

/// C = A B + addends. A(i, k) is a[i * a_leading + k] when A is contiguous along k, else a[k * a_leading + i];
/// B(k, j) is b[j * b_leading + k] or b[k * b_leading + j] likewise; C is row-major. Any sizes from 1 on.
template <PrecisionPolicy Precision, Contiguous A, Contiguous B>
void gemm(Device& device, std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t a_leading,
          const float* b, std::int64_t b_leading, float* c, std::int64_t c_leading, GemmAddends add) {
  using Factors = FactorsOf<Precision>;
  using Element = typename Factors::Element;
  using Block = BlockOfDepth<Factors, A>;
  if (m <= 0 || n <= 0) return;

  // Below a quarter of a million multiplications waking threads takes longer than the product.
  const int threads = m * n * k < 250'000 ? 1 : device.threads();
  const std::int64_t panels = (n + gemm_panel - 1) / gemm_panel;
  const std::int64_t strips = (m + gemm_rows - 1) / gemm_rows;
  const std::int64_t wanted = threads == 1 ? 1 : 6 * threads;
  const std::int64_t row_tiles = std::min(strips, std::max(wanted, (strips + Block::most_strips - 1) / Block::most_strips));
  const std::int64_t column_tiles = std::min(panels, (wanted + row_tiles - 1) / row_tiles);

  for (std::int64_t k0 = 0; k0 < k; k0 += depth_block) {
    const std::int64_t depth = std::min<std::int64_t>(depth_block, k - k0);
    const std::int64_t elements = (depth + Factors::depth - 1) / Factors::depth;
    auto* packed = reinterpret_cast<Element*>(device.scratch(Scratch::packed_b, panels * gemm_panel * elements));
    parallel_for(threads, panels, [&](std::int64_t p) {
      const std::int64_t j = p * gemm_panel;
      const float* const corner = b + (B == Contiguous::along ? j * b_leading + k0 : k0 * b_leading + j);
      pack_panel<Factors, B>(packed + j * elements, corner, b_leading, depth,
                             static_cast<int>(std::min<std::int64_t>(gemm_panel, n - j)));
    });
    // After the first block of k the product so far is what is added.
    const Block block{m, n, depth, elements, a + (A == Contiguous::along ? k0 : k0 * a_leading), a_leading, packed, c,
                      c_leading, k0 == 0 ? add.addend : c, k0 == 0 ? add.bias : nullptr};
    parallel_for(threads, row_tiles * column_tiles, [&](std::int64_t tile) {
      const std::int64_t row = tile / column_tiles, column = tile % column_tiles;
      block.compute({cut(strips, row_tiles, row), cut(strips, row_tiles, row + 1), cut(panels, column_tiles, column),
                     cut(panels, column_tiles, column + 1)});
    });
  }
}

}  // namespace longsky::cpu
