// longsky/cpu/gemm.hpp — the matrix product all others are made of: a block of registers, panels of B, tiles of C.
//
//   C[m, n] = A[m, k] B[k, n]  (+ addend[m, n])  (+ bias[n])
//
// B is packed in zero-padded panels as wide as the register block. A is read in place where it is contiguous along k,
// and packed in strips as high as the block where it is not. Every element of C is summed along k in blocks and parts
// that depend on the sizes alone, each by one thread, so tiles and threads do not change its bits.
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

// The register block: gemm_rows x block_vecs accumulators, beside block_vecs of B and one of A. 6 x 4 is 5 to 9 %
// faster than 14 x 2 where there are 32 registers: it loads 10 vectors for 24 products, not 16 for 28 (Sapphire Rapids,
// 2026-11).
inline constexpr int gemm_rows = 6;
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int block_vecs = 4;
#else
inline constexpr int block_vecs = 2;
#endif
inline constexpr int gemm_panel = block_vecs * vec_width;
inline constexpr int strip_width = 8;    // of a packed strip of A, gemm_rows rounded up to what is copied at once
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
  }
  (std::make_integer_sequence<int, N>{});
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

/// What a register block multiplies: `chunks` runs of `depth` elements along k, `a_stride` and `b_stride` elements
/// apart.
template <class Element>
struct TileInput {
  std::int64_t depth;
  const Element* a;
  std::int64_t a_leading;
  const Element* b;
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
      unrolled<R>([&](auto i) __attribute__((always_inline)) {
        const Elements of_a =
            Factors::spread(A == Contiguous::along ? a[i * in.a_leading + k] : a[k * in.a_leading + i]);
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
  }
  (std::make_integer_sequence<int, gemm_rows>{});
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
    std::int64_t e = 0;
    if constexpr (Factors::in_place)
      for (; columns == gemm_panel && e + vec_width <= elements; e += vec_width)
        for (int j = 0; j < gemm_panel; j += vec_width)
          transpose_square(to + e * gemm_panel + j, gemm_panel, b + j * leading + e, leading, 1.0f);
    constexpr int strip = 16;  // elements of one column that are converted at once, a line of cache
    for (; e < elements; e += strip) {
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

/// Packs strips [first_strip, last_strip) and depth [first, last) of an A [k, m] that lies across:
/// to[strip][element of k][strip_width], with `elements` of k in a strip. `first` is a multiple of the format's depth.
template <class Factors>
void pack_strips(typename Factors::Element* to, const float* a, std::int64_t leading, std::int64_t m, std::int64_t k,
                 std::int64_t first_strip, std::int64_t last_strip, std::int64_t elements, std::int64_t first,
                 std::int64_t last) {
  const std::int64_t strips = (m + gemm_rows - 1) / gemm_rows;
  const float* const a_end = a + (k - 1) * leading + m;
  std::int64_t i = cut(m, strips, first_strip);
  for (std::int64_t s = first_strip; s < last_strip; ++s) {
    const std::int64_t next = cut(m, strips, s + 1);
    auto* strip = to + ((s - first_strip) * elements + first / Factors::depth) * strip_width;
    const float* from = a + first * leading + i;
    for (std::int64_t row = first; row < last;
         row += Factors::depth, strip += strip_width, from += Factors::depth * leading) {
      if constexpr (Factors::in_place)
        if (a_end - from >= strip_width) {  // eight floats at once, though six are meant
          std::memcpy(strip, from, strip_width * sizeof(float));
          continue;
        }
      Factors::copy_across(strip, from, leading, static_cast<int>(std::min<std::int64_t>(Factors::depth, last - row)),
                           next - i);
    }
    i = next;
  }
}

/// A product whose B, and whose A if it lies across, are packed for one block of depth.
template <class Factors, Contiguous A>
struct PackedProduct {
  using Element = typename Factors::Element;
  static constexpr std::int64_t most_strips = 18;  // of a tile, so that its rows of A stay in the second level of cache

  std::int64_t m, n, depth, elements;
  const float* a;  // not read when A is packed
  std::int64_t a_leading;
  const Element* packed_a;
  const Element* packed_b;
  float* c;
  std::int64_t c_leading;
  const float* addend;
  const float* bias;

  std::int64_t strips() const { return (m + gemm_rows - 1) / gemm_rows; }
  std::int64_t panels() const { return (n + gemm_panel - 1) / gemm_panel; }

  /// What one thread computes at a time: strips of rows times panels.
  void compute(std::int64_t first_strip, std::int64_t last_strip, std::int64_t first_panel,
               std::int64_t last_panel) const {
    const std::int64_t first = cut(m, strips(), first_strip), last = cut(m, strips(), last_strip);
    if constexpr (A == Contiguous::across) {
      multiply(first_strip, last_strip, first_panel, last_panel, packed_a, strip_width);
    } else if constexpr (Factors::in_place) {
      multiply(first_strip, last_strip, first_panel, last_panel, a, a_leading);
    } else {
      alignas(64) Element rows[most_strips * gemm_rows * depth_block / Factors::depth];
      for (std::int64_t i = first; i < last; ++i)
        Factors::copy_along(rows + (i - first) * elements, a + i * a_leading, depth);
      multiply(first_strip, last_strip, first_panel, last_panel, rows - first * elements, elements);
    }
  }

 private:
  // Row i of A begins at of_a[i * leading], or strip s of a packed A at of_a[s * leading * elements].
  void multiply(std::int64_t first_strip, std::int64_t last_strip, std::int64_t first_panel, std::int64_t last_panel,
                const Element* of_a, std::int64_t leading) const {
    for (std::int64_t p = first_panel; p < last_panel; ++p)
      for (std::int64_t s = first_strip; s < last_strip; ++s) {
        const std::int64_t i = cut(m, strips(), s), j = p * gemm_panel, at = i * c_leading + j;
        register_block_of<Factors, A>(
            static_cast<int>(cut(m, strips(), s + 1) - i),
            {.depth = elements,
             .a = of_a + (A == Contiguous::along ? i : s * elements) * leading,
             .a_leading = leading,
             .b = packed_b + j * elements},
            {c + at, c_leading, addend ? addend + at : nullptr, c_leading, bias ? bias + j : nullptr,
             static_cast<int>(std::min<std::int64_t>(gemm_panel, n - j))});
      }
  }
};

/// The gemm below for an A that is contiguous across, with a long k (the tokens, for a weight gradient). Threads share
/// as little as can be: each packs what it multiplies, from memory that it reads row by row, and a long k is cut in two
/// parts that are summed apart. 1.2 to 1.8 times as fast on two cores as packing together (Sapphire Rapids, 2026-11).
template <class Factors>
void gemm_across(Device& device, int threads, std::int64_t m, std::int64_t n, std::int64_t k, const float* a,
                 std::int64_t a_leading, const float* b, std::int64_t b_leading, float* c, std::int64_t c_leading,
                 GemmAddends add) {
  using Element = typename Factors::Element;
  constexpr std::int64_t chunk = 16;  // rows of memory that are packed at once
  const std::int64_t strips = (m + gemm_rows - 1) / gemm_rows, panels = (n + gemm_panel - 1) / gemm_panel;
  // As much of k as leaves both packed factors in the second level of cache.
  const std::int64_t block = std::clamp<std::int64_t>((1 << 18) / (m + n), 256, 1024) / chunk * chunk;
  const std::int64_t parts = k >= 1024 ? 2 : 1, part_depth = (k / parts + chunk - 1) / chunk * chunk;
  const std::int64_t ranges = std::min(strips, (threads + parts - 1) / parts);
  const std::int64_t room_a = ((strips + ranges - 1) / ranges) * strip_width * block,
                     room_b = panels * gemm_panel * block;
  float* const partial = device.scratch(Scratch::reduction, (parts - 1) * m * n);
  auto* const all_a = reinterpret_cast<Element*>(device.scratch(Scratch::packed_a, parts * ranges * room_a));
  auto* const all_b = reinterpret_cast<Element*>(device.scratch(Scratch::packed_b, parts * ranges * room_b));

  parallel_for(threads, parts * ranges, [&](std::int64_t item) {
    const std::int64_t part = item / ranges, range = item % ranges, k_first = part * part_depth;
    const std::int64_t first_strip = cut(strips, ranges, range), last_strip = cut(strips, ranges, range + 1);
    const std::int64_t k_last = part + 1 == parts ? k : k_first + part_depth;
    Element *const packed_a = all_a + item * room_a, *const packed_b = all_b + item * room_b;
    float* const sums = part == 0 ? c : partial + (part - 1) * m * n;
    const std::int64_t leading = part == 0 ? c_leading : n;
    for (std::int64_t k0 = k_first; k0 < k_last; k0 += block) {
      const std::int64_t depth = std::min(block, k_last - k0), elements = (depth + Factors::depth - 1) / Factors::depth;
      for (std::int64_t first = 0; first < depth; first += chunk) {
        const std::int64_t rows = std::min(chunk, depth - first);
        pack_strips<Factors>(packed_a, a + k0 * a_leading, a_leading, m, k - k0, first_strip, last_strip, elements,
                             first, first + rows);
        for (std::int64_t p = 0; p < panels; ++p)
          pack_panel<Factors, Contiguous::across>(
              packed_b + p * gemm_panel * elements + first / Factors::depth * gemm_panel,
              b + (k0 + first) * b_leading + p * gemm_panel, b_leading, rows,
              static_cast<int>(std::min<std::int64_t>(gemm_panel, n - p * gemm_panel)));
      }
      // After the first block of k the product so far is what is added.
      const bool fresh = k0 == k_first, whole = part == 0;
      PackedProduct<Factors, Contiguous::across>{.m = m,
                                                 .n = n,
                                                 .depth = depth,
                                                 .elements = elements,
                                                 .a = nullptr,
                                                 .a_leading = 0,
                                                 .packed_a = packed_a - first_strip * elements * strip_width,
                                                 .packed_b = packed_b,
                                                 .c = sums,
                                                 .c_leading = leading,
                                                 .addend = !fresh  ? sums
                                                           : whole ? add.addend
                                                                   : nullptr,
                                                 .bias = fresh && whole ? add.bias : nullptr}
          .compute(first_strip, last_strip, 0, panels);
    }
  });
  if (parts == 1) return;
  parallel_chunks(threads, m, std::max<std::int64_t>(1, 16384 / n),
                  [&](std::int64_t i0, std::int64_t i1, std::int64_t) {
                    for (std::int64_t i = i0; i < i1; ++i)
                      for (std::int64_t j = 0; j < n; ++j) c[i * c_leading + j] += partial[i * n + j];
                  });
}

/// C = A B + addends. A(i, k) is a[i * a_leading + k] when A is contiguous along k, else a[k * a_leading + i];
/// B(k, j) is b[j * b_leading + k] or b[k * b_leading + j] likewise; C is row-major. Any sizes from 1 on.
template <PrecisionPolicy Precision, Contiguous A, Contiguous B>
void gemm(Device& device, std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t a_leading,
          const float* b, std::int64_t b_leading, float* c, std::int64_t c_leading, GemmAddends add) {
  using Factors = FactorsOf<Precision>;
  using Element = typename Factors::Element;
  using Product = PackedProduct<Factors, A>;
  constexpr std::int64_t chunk = 16;  // rows of a B that lies across which are packed at once
  if (m <= 0 || n <= 0) return;

  // Below a quarter of a million multiplications waking threads takes longer than the product.
  const int threads = m * n * k < 250'000 ? 1 : device.threads();
  if constexpr (A == Contiguous::across) {
    gemm_across<Factors>(device, threads, m, n, k, a, a_leading, b, b_leading, c, c_leading, add);
    return;
  }
  for (std::int64_t k0 = 0; k0 < k; k0 += depth_block) {
    const std::int64_t depth = std::min<std::int64_t>(depth_block, k - k0),
                       elements = (depth + Factors::depth - 1) / Factors::depth;
    // After the first block of k the product so far is what is added.
    Product product{.m = m,
                    .n = n,
                    .depth = depth,
                    .elements = elements,
                    .a = a + k0,
                    .a_leading = a_leading,
                    .packed_a = nullptr,
                    .packed_b = nullptr,
                    .c = c,
                    .c_leading = c_leading,
                    .addend = k0 == 0 ? add.addend : c,
                    .bias = k0 == 0 ? add.bias : nullptr};
    const std::int64_t panels = product.panels(), strips = product.strips();
    auto* const packed_b =
        reinterpret_cast<Element*>(device.scratch(Scratch::packed_b, panels * gemm_panel * elements));
    product.packed_b = packed_b;
    // What lies across is packed in chunks of whole rows, which memory delivers fastest, the rest panel by panel.
    const auto pack_b = [&](std::int64_t p, std::int64_t first, std::int64_t rows) {
      const std::int64_t j = p * gemm_panel;
      pack_panel<Factors, B>(packed_b + j * elements + first / Factors::depth * gemm_panel,
                             b + (B == Contiguous::along ? j * b_leading + k0 : (k0 + first) * b_leading + j),
                             b_leading, rows, static_cast<int>(std::min<std::int64_t>(gemm_panel, n - j)));
    };
    parallel_for(threads, B == Contiguous::along ? panels : (depth + chunk - 1) / chunk, [&](std::int64_t item) {
      const std::int64_t first = item * chunk, rows = std::min(chunk, depth - first);
      if (B == Contiguous::along) pack_b(item, 0, depth);
      if (B == Contiguous::across)
        for (std::int64_t p = 0; p < panels; ++p) pack_b(p, first, rows);
    });
    const std::int64_t wanted = threads == 1 ? 1 : 6 * threads;
    const std::int64_t needed = std::max(wanted, (strips + Product::most_strips - 1) / Product::most_strips);
    const std::int64_t row_tiles = std::min(strips, (needed + threads - 1) / threads * threads);
    const std::int64_t column_tiles = std::min(panels, (wanted + row_tiles - 1) / row_tiles);
    parallel_for(threads, row_tiles * column_tiles, [&](std::int64_t tile) {
      const std::int64_t row = tile / column_tiles, column = tile % column_tiles;
      product.compute(cut(strips, row_tiles, row), cut(strips, row_tiles, row + 1), cut(panels, column_tiles, column),
                      cut(panels, column_tiles, column + 1));
    });
  }
}

}  // namespace longsky::cpu
