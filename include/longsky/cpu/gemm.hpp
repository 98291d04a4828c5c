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

// The register block: block_rows x block_vecs accumulators, beside block_vecs of B and one of A.
#if defined(__AVX512F__)
inline constexpr int block_rows = 14, block_vecs = 2;
#elif defined(__aarch64__)
inline constexpr int block_rows = 12, block_vecs = 2;
#else
inline constexpr int block_rows = 6, block_vecs = 2;
#endif
inline constexpr int panel_width = block_vecs * vec_width;
inline constexpr int depth_block = 512;  // along k; a panel of B then stays in the first two levels of cache

/// Floats as they are.
struct FloatFactors {
  using Element = float;
  using Elements = Vec;
  static constexpr int depth = 1;
  static constexpr bool in_place = true;

  static void copy_along(float* to, const float* from, std::int64_t k) {
    std::memcpy(to, from, static_cast<std::size_t>(k) * sizeof(float));
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
  int columns;        // at most panel_width
};

template <int N, class Body>
[[gnu::always_inline]] inline void unrolled(const Body& body) {
  [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
    (body(std::integral_constant<int, I>{}), ...);
  }(std::make_integer_sequence<int, N>{});
}

/// The end of a block in a panel with fewer than panel_width columns; sums is [rows][panel_width].
[[gnu::noinline]] inline void store_columns(int rows, const float* sums, const TileOutput& out) {
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < out.columns; ++j) {
      float sum = sums[i * panel_width + j];
      if (out.bias) sum += out.bias[j];
      if (out.addend) sum += out.addend[i * out.addend_leading + j];
      out.c[i * out.c_leading + j] = sum;
    }
}

/// One register block: R rows of A times one panel of B. `chunks` runs of `depth` elements along k are summed, `a_stride`
/// and `b_stride` elements apart.
template <class Factors, Contiguous A, int R>
void register_block(std::int64_t chunks, std::int64_t depth, const typename Factors::Element* a, std::int64_t a_leading,
                    std::int64_t a_stride, const typename Factors::Element* b, std::int64_t b_stride,
                    const TileOutput& out) {
  using Elements = typename Factors::Elements;
  Vec sums[R][block_vecs] = {};
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk, a += a_stride, b += b_stride)
    for (std::int64_t k = 0; k < depth; ++k) {
      Elements of_b[block_vecs];
      unrolled<block_vecs>([&](auto v) __attribute__((always_inline)) {
        std::memcpy(&of_b[v], b + k * panel_width + v * vec_width, sizeof(Elements));
      });
      unrolled<R>([&](auto i) __attribute__((always_inline)) {
        const Elements of_a = Factors::spread(A == Contiguous::along ? a[i * a_leading + k] : a[k * a_leading + i]);
        unrolled<block_vecs>([&](auto v) __attribute__((always_inline)) {
          sums[i][v] = Factors::multiply_add(sums[i][v], of_a, of_b[v]);
        });
      });
    }
  if (out.columns == panel_width) {
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
  float padded[R][panel_width];
  unrolled<R>([&](auto i) __attribute__((always_inline)) {
    unrolled<block_vecs>([&](auto v) __attribute__((always_inline)) { store(&padded[i][v * vec_width], sums[i][v]); });
  });
  store_columns(R, &padded[0][0], out);
}

/// register_block for a number of rows known at run time, 1 … block_rows.
template <class Factors, Contiguous A, class... Args>
void register_block_of(int rows, const Args&... args) {
  using Block = void (*)(std::int64_t, std::int64_t, const typename Factors::Element*, std::int64_t, std::int64_t,
                         const typename Factors::Element*, std::int64_t, const TileOutput&);
  static constexpr auto blocks = []<int... R>(std::integer_sequence<int, R...>) {
    return std::array<Block, block_rows>{register_block<Factors, A, R + 1>...};
  }(std::make_integer_sequence<int, block_rows>{});
  blocks[static_cast<std::size_t>(rows - 1)](args...);
}

/// Packs columns [0, columns) and depth [0, k) of B as one panel: to[element of k][panel_width], zero-padded.
template <class Factors, Contiguous B>
void pack_panel(typename Factors::Element* to, const float* b, std::int64_t leading, std::int64_t k, int columns) {
  constexpr int depth = Factors::depth;
  const std::int64_t elements = (k + depth - 1) / depth;
  if (columns < panel_width) std::fill_n(to, elements * panel_width, typename Factors::Element{});
  if constexpr (B == Contiguous::across) {
    for (std::int64_t e = 0; e < elements; ++e)
      Factors::copy_across(to + e * panel_width, b + e * depth * leading, leading,
                           static_cast<int>(std::min<std::int64_t>(depth, k - e * depth)), columns);
  } else {
    constexpr int strip = 16;  // elements of one column that are converted at once, a line of cache
    for (std::int64_t e = 0; e < elements; e += strip) {
      const std::int64_t n = std::min<std::int64_t>(strip, elements - e);
      for (int j = 0; j < columns; ++j) {
        typename Factors::Element column[strip];
        Factors::copy_along(column, b + j * leading + e * depth, std::min(n * depth, k - e * depth));
        for (std::int64_t i = 0; i < n; ++i) to[(e + i) * panel_width + j] = column[i];
      }
    }
  }
}

/// Converts rows [0, rows) and depth [0, k) of A: to[row][element of k], or to[element of k][row] when A lies across.
template <class Factors, Contiguous A>
void convert_rows(typename Factors::Element* to, const float* a, std::int64_t leading, std::int64_t rows,
                  std::int64_t k) {
  constexpr int depth = Factors::depth;
  const std::int64_t elements = (k + depth - 1) / depth;
  if constexpr (A == Contiguous::along) {
    for (std::int64_t i = 0; i < rows; ++i) Factors::copy_along(to + i * elements, a + i * leading, k);
  } else {
    for (std::int64_t e = 0; e < elements; ++e)
      Factors::copy_across(to + e * rows, a + e * depth * leading, leading,
                           static_cast<int>(std::min<std::int64_t>(depth, k - e * depth)), rows);
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
  static constexpr std::int64_t most_strips = 8;  // so that a tile's rows of A stay in the second level of cache

  std::int64_t m, n, depth, elements;
  const float* a;
  std::int64_t a_leading;
  const Element* panels;
  float* c;
  std::int64_t c_leading;
  const float* addend;
  const float* bias;

  void compute(const Tile& tile) const {
    const std::int64_t strips = (m + block_rows - 1) / block_rows;
    const std::int64_t i0 = cut(m, strips, tile.first_strip), rows = cut(m, strips, tile.last_strip) - i0;
    const float* const corner = a + i0 * (A == Contiguous::along ? a_leading : 1);
    if constexpr (Factors::in_place) {
      multiply(tile, corner, a_leading);
    } else {
      alignas(64) Element converted[most_strips * block_rows * depth_block / Factors::depth];
      convert_rows<Factors, A>(converted, corner, a_leading, rows, depth);
      multiply(tile, converted, A == Contiguous::along ? elements : rows);
    }
  }

 private:
  void multiply(const Tile& tile, const Element* of_a, std::int64_t leading) const {
    const std::int64_t strips = (m + block_rows - 1) / block_rows;
    const std::int64_t i0 = cut(m, strips, tile.first_strip);
    for (std::int64_t p = tile.first_panel; p < tile.last_panel; ++p)
      for (std::int64_t s = tile.first_strip; s < tile.last_strip; ++s) {
        const std::int64_t i = cut(m, strips, s), j = p * panel_width, at = i * c_leading + j;
        const int rows = static_cast<int>(cut(m, strips, s + 1) - i);
        const int columns = static_cast<int>(std::min<std::int64_t>(panel_width, n - j));
        register_block_of<Factors, A>(rows, std::int64_t{1}, elements,
                                      of_a + (i - i0) * (A == Contiguous::along ? leading : 1), leading,
                                      std::int64_t{0}, panels + j * elements, std::int64_t{0},
                                      TileOutput{c + at, c_leading, addend ? addend + at : nullptr, c_leading,
                                                 bias ? bias + j : nullptr, columns});
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
  const std::int64_t panels = (n + panel_width - 1) / panel_width;
  const std::int64_t strips = (m + block_rows - 1) / block_rows;
  const std::int64_t wanted = threads == 1 ? 1 : 6 * threads;
  const std::int64_t row_tiles = std::min(strips, std::max(wanted, (strips + Block::most_strips - 1) / Block::most_strips));
  const std::int64_t column_tiles = std::min(panels, (wanted + row_tiles - 1) / row_tiles);

  for (std::int64_t k0 = 0; k0 < k; k0 += depth_block) {
    const std::int64_t depth = std::min<std::int64_t>(depth_block, k - k0);
    const std::int64_t elements = (depth + Factors::depth - 1) / Factors::depth;
    auto* packed = reinterpret_cast<Element*>(device.scratch(Scratch::packed_b, panels * panel_width * elements));
    parallel_for(threads, panels, [&](std::int64_t p) {
      const std::int64_t j = p * panel_width;
      const float* const corner = b + (B == Contiguous::along ? j * b_leading + k0 : k0 * b_leading + j);
      pack_panel<Factors, B>(packed + j * elements, corner, b_leading, depth,
                             static_cast<int>(std::min<std::int64_t>(panel_width, n - j)));
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
