// longsky/cpu/gemm_block.hpp — the block of registers under every matrix product, and how its factors are packed.
//
//   C[R, gemm_panel] = A[R, k] B[k, gemm_panel]  (+ addend)  (+ bias)
//
// B is packed in zero-padded panels as wide as the register block. A is read in place where it is contiguous along k,
// and packed in strips as high as the block where it is not.
#pragma once

#include <longsky/cpu/gemm_bf16.hpp>
#include <longsky/cpu/vec.hpp>
#include <longsky/spec/precision.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
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
inline constexpr int strip_width = 8;  // of a packed strip of A, gemm_rows rounded up to what is copied at once

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
  const void* ahead = nullptr;  // not multiplied here: at each step along k a line of it is fetched into the cache
};

/// One register block: R rows of A times one panel of B.
template <class Factors, Contiguous A, int R>
void register_block(const TileInput<typename Factors::Element>& in, const TileOutput& out) {
  using Elements = typename Factors::Elements;
  Vec sums[std::size_t{R}][block_vecs] = {};
  const auto *a = in.a, *b = in.b;
  const char* ahead = static_cast<const char*>(in.ahead ? in.ahead : in.b);  // B's beginning is there already
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < out.columns; j += vec_width) __builtin_prefetch(out.c + i * out.c_leading + j, 1);
  for (std::int64_t chunk = 0; chunk < in.chunks; ++chunk, a += in.a_stride, b += in.b_stride)
#pragma GCC unroll 2
    for (std::int64_t k = 0; k < in.depth; ++k, ahead += 64) {
      __builtin_prefetch(ahead, 0, 2);
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
  float padded[std::size_t{R}][gemm_panel];
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

}  // namespace longsky::cpu
