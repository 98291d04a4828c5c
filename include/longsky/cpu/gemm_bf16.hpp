// longsky/cpu/gemm_bf16.hpp — how the factors of a matrix product lie in memory when they are rounded to bfloat16.
//
// A format has an Element that holds `depth` neighbours along the summed axis, and three steps: `copy_along` (the
// summed axis is contiguous in memory), `copy_across` (the other one is), and `multiply_add` on vectors of elements.
// Both formats here give the same result up to the rounding of the sums.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/cpu/vec.hpp>

#include <cstdint>

#if defined(__AVX512BF16__) && defined(__AVX512BW__)
#include <immintrin.h>
#endif

namespace longsky::cpu {

/// Every lane rounded to bfloat16, to nearest even; a NaN stays one.
[[gnu::always_inline]] inline Vec rounded(Vec x) {
  const IntVec bits = reinterpret_cast<IntVec>(x);
  const IntVec nearest = (bits + 0x7fff + ((bits >> 16) & 1)) & ~0xffff;
  return x == x ? reinterpret_cast<Vec>(nearest) : x;
}

/// bfloat16 values in floats, multiplied by the ordinary kernel: for every machine without bfloat16 instructions.
struct RoundedFactors {
  using Element = float;
  using Elements = Vec;
  static constexpr int depth = 1;
  static constexpr bool in_place = false;

  static void copy_along(float* to, const float* from, std::int64_t k) {
    std::int64_t i = 0;
    for (; i + vec_width <= k; i += vec_width) store(to + i, rounded(load(from + i)));
    if (i < k) store_first(to + i, rounded(load_first(from + i, static_cast<int>(k - i))), static_cast<int>(k - i));
  }
  static void copy_across(float* to, const float* from, std::int64_t /*leading*/, int /*rows*/, std::int64_t n) {
    copy_along(to, from, n);
  }
  [[gnu::always_inline]] static Elements spread(float x) { return broadcast(x); }
  [[gnu::always_inline]] static Vec multiply_add(Vec sum, Elements a, Elements b) { return sum + a * b; }
};

#if defined(__AVX512BF16__) && defined(__AVX512BW__)

/// Two neighbours along the summed axis in 32 bits, multiplied by vdpbf16ps.
struct Bf16Pairs {
  using Element = std::uint32_t;
  using Elements = std::uint32_t __attribute__((vector_size(64)));
  static constexpr int depth = 2;
  static constexpr bool in_place = false;

  /// to[i] = (from[2i], from[2i+1]); behind the k-th value there is a zero.
  static void copy_along(std::uint32_t* to, const float* from, std::int64_t k) {
    for (; k >= 32; k -= 32, to += 16, from += 32)
      _mm512_storeu_si512(to, halves(_mm512_loadu_ps(from), _mm512_loadu_ps(from + 16)));
    if (k == 0) return;
    const auto some = static_cast<__mmask16>((1u << (k < 16 ? k : 16)) - 1u);
    const auto rest = static_cast<__mmask16>((1u << (k < 16 ? 0 : k - 16)) - 1u);
    const auto pairs = static_cast<__mmask16>((1u << ((k + 1) / 2)) - 1u);
    _mm512_mask_storeu_epi32(
        to, pairs, halves(_mm512_maskz_loadu_ps(some, from), _mm512_maskz_loadu_ps(rest, from + (rest ? 16 : 0))));
  }

  /// to[i] = (from[i], from[leading + i]) for i in [0, n); zero for a second row that is not there.
  static void copy_across(std::uint32_t* to, const float* from, std::int64_t leading, int rows, std::int64_t n) {
    for (std::int64_t i = 0; i < n; i += 16) {
      const auto some = static_cast<__mmask16>(n - i < 16 ? (1u << (n - i)) - 1u : 0xffffu);
      const __m512 low = _mm512_maskz_loadu_ps(some, from + i);
      const __m512 high = rows > 1 ? _mm512_maskz_loadu_ps(some, from + leading + i) : _mm512_setzero_ps();
      _mm512_mask_storeu_epi32(to + i, some, interleaved(halves(low, high)));
    }
  }

  [[gnu::always_inline]] static Elements spread(std::uint32_t x) { return x - Elements{}; }
  [[gnu::always_inline]] static Vec multiply_add(Vec sum, Elements a, Elements b) {
    return reinterpret_cast<Vec>(
        _mm512_dpbf16_ps(reinterpret_cast<__m512>(sum), reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b)));
  }

 private:
  [[gnu::always_inline]] static __m512i halves(__m512 low, __m512 high) {
    return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
  }
  [[gnu::always_inline]] static __m512i interleaved(__m512i x) {
    using Words = std::uint16_t __attribute__((vector_size(64)));
    const Words words = reinterpret_cast<Words>(x);
    return reinterpret_cast<__m512i>(__builtin_shufflevector(words, words, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6,
                                                             22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,
                                                             14, 30, 15, 31));
  }
};

using Bf16Factors = Bf16Pairs;
#else
using Bf16Factors = RoundedFactors;
#endif

}  // namespace longsky::cpu
