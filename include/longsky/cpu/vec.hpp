// longsky/cpu/vec.hpp — the machine's vector of floats, in GCC/Clang vector extensions: one source for AVX-512, AVX2,
// plain x86-64 and aarch64.
//
// exp2: x = n + f, n = floor(x), 2^f by a polynomial of degree 5 (relative error 8e-8), 2^n by the exponent bits.
// exp:  2^(x / ln 2); the relative error grows with |x| through that rounding: 2e-7 near 0, 4e-6 at 87.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace longsky::cpu {

#if defined(__AVX512F__)
inline constexpr int vec_width = 16;
#elif defined(__AVX__)
inline constexpr int vec_width = 8;
#else
inline constexpr int vec_width = 4;
#endif

#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int vec_registers = 32;
#else
inline constexpr int vec_registers = 16;
#endif

using Vec = float __attribute__((vector_size(vec_width * 4)));
using IntVec = std::int32_t __attribute__((vector_size(vec_width * 4)));

[[gnu::always_inline]] inline Vec load(const float* from) {
  Vec v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
[[gnu::always_inline]] inline void store(float* to, Vec v) { std::memcpy(to, &v, sizeof v); }
[[gnu::always_inline]] inline Vec broadcast(float x) { return x - Vec{}; }
/// Zeros, for a lambda: nvcc takes `Vec{}` there for a constant of a kind that it does not know.
[[gnu::always_inline]] inline Vec zero() { return Vec{}; }

/// The first n lanes from memory, zero in the others.
[[gnu::always_inline]] inline Vec load_first(const float* from, int n) {
  Vec v{};
  std::memcpy(&v, from, static_cast<std::size_t>(n) * sizeof(float));
  return v;
}
[[gnu::always_inline]] inline void store_first(float* to, Vec v, int n) {
  std::memcpy(to, &v, static_cast<std::size_t>(n) * sizeof(float));
}

[[gnu::always_inline]] inline Vec max(Vec a, Vec b) { return a > b ? a : b; }

#if defined(__CUDACC__)
// nvcc, which compiles this for the tests that hold a GPU against the CPU, loses the dots of a pack that is an argument
// of a builtin. Element by element: the same bits.
template <class V, class Join>
inline float fold_lanes(const V& v, const Join& join) {
  constexpr int lanes = sizeof(V) / sizeof(float);
  float lane[lanes];
  for (int i = 0; i < lanes; ++i) lane[i] = v[i];
  for (int half = lanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lane[i] = join(lane[i], lane[i + half]);
  return lane[0];
}
#else
/// Folds the upper half of the lanes onto the lower one until one is left: the order depends on the width alone.
template <class V, class Join>
[[gnu::always_inline]] inline float fold_lanes(V v, const Join& join) {
  constexpr std::size_t half = sizeof(V) / sizeof(float) / 2;
  return [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    if constexpr (half == 1) {
      return join(v[0], v[1]);
    } else {
      return fold_lanes(join(__builtin_shufflevector(v, v, I...), __builtin_shufflevector(v, v, (I + half)...)), join);
    }
  }
  (std::make_index_sequence<half>{});
}
#endif
[[gnu::always_inline]] inline float sum(Vec v) {
  return fold_lanes(
      v, [](auto a, auto b) __attribute__((always_inline)) { return a + b; });
}
[[gnu::always_inline]] inline float maximum(Vec v) {
  return fold_lanes(
      v, [](auto a, auto b) __attribute__((always_inline)) { return a > b ? a : b; });
}

/// The lanes of two vectors in turn: (a0, b0, a1, b1, …), the lower half of them or the upper.
template <bool Upper>
[[gnu::always_inline]] inline Vec zip(Vec a, Vec b) {
#if defined(__CUDACC__)
  Vec zipped{};
  for (int i = 0; i < vec_width; ++i) zipped[i] = (i % 2 == 0 ? a : b)[i / 2 + (Upper ? vec_width / 2 : 0)];
  return zipped;
#else
  return [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    return __builtin_shufflevector(a, b, (I / 2 + (I % 2) * vec_width + (Upper ? vec_width / 2 : 0))...);
  }
  (std::make_index_sequence<vec_width>{});
#endif
}

/// to[j][i] = from[i][j] * scale for a square of vec_width rows, in log2(vec_width) rounds of zips.
[[gnu::always_inline]] inline void transpose_square(float* to, std::int64_t to_stride, const float* from,
                                                    std::int64_t from_stride, float scale) {
  Vec row[vec_width], zipped[vec_width];
  for (int i = 0; i < vec_width; ++i) row[i] = load(from + i * from_stride) * scale;
  for (int round = 1; round < vec_width; round *= 2) {
    for (int i = 0; i < vec_width / 2; ++i) {
      zipped[2 * i] = zip<false>(row[i], row[i + vec_width / 2]);
      zipped[2 * i + 1] = zip<true>(row[i], row[i + vec_width / 2]);
    }
    for (int i = 0; i < vec_width; ++i) row[i] = zipped[i];
  }
  for (int i = 0; i < vec_width; ++i) store(to + i * to_stride, row[i]);
}

[[gnu::always_inline]] inline Vec sqrt(Vec x) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vec>(
      _mm512_maskz_sqrt_ps(__mmask16{0xffff}, reinterpret_cast<__m512>(x)));  // the unmasked one warns in g++ 12
#elif defined(__AVX__)
  return reinterpret_cast<Vec>(_mm256_sqrt_ps(reinterpret_cast<__m256>(x)));
#elif defined(__x86_64__)
  return reinterpret_cast<Vec>(_mm_sqrt_ps(reinterpret_cast<__m128>(x)));
#else
  for (int i = 0; i < vec_width; ++i) x[i] = std::sqrt(x[i]);
  return x;
#endif
}

/// 2^x; exactly 0 below -126 (so -1e30 is a masked score), exactly 1 at 0, at least 3e38 from 128 on, NaN for NaN.
[[gnu::always_inline]] inline Vec exp2(Vec x) {
  constexpr float c1 = 6.931513119e-1f, c2 = 2.401644496e-1f, c3 = 5.579991467e-2f, c4 = 9.017028598e-3f,
                  c5 = 1.867130738e-3f;
#if defined(__AVX512F__) && defined(__AVX512DQ__)
  const __m512 y = reinterpret_cast<__m512>(x);
  const Vec f = reinterpret_cast<Vec>(_mm512_reduce_ps(y, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC));
  const Vec p = ((((c5 * f + c4) * f + c3) * f + c2) * f + c1) * f + 1.0f;
  // Zeroed below -126 rather than left denormal: denormals cost a hundred cycles in every later product.
  const __mmask16 normal = _mm512_cmp_ps_mask(y, _mm512_set1_ps(-126.0f), _CMP_NLT_UQ);
  return reinterpret_cast<Vec>(_mm512_maskz_scalef_ps(normal, reinterpret_cast<__m512>(p), y));
#else
  Vec bounded = x < -127.0f ? broadcast(-127.0f) : x;
  bounded = bounded > 128.0f ? broadcast(128.0f) : bounded;
  const Vec magic = broadcast(0x1.8p23f);  // adding it rounds to nearest and leaves the integer in the low bits
  const Vec shifted = (bounded - 0.5f) + magic;
  const Vec f = bounded - (shifted - magic);
  const Vec p = ((((c5 * f + c4) * f + c3) * f + c2) * f + c1) * f + 1.0f;
  const Vec power = reinterpret_cast<Vec>(reinterpret_cast<IntVec>(p) + (reinterpret_cast<IntVec>(shifted) << 23));
  return x < -126.0f ? Vec{} : power;
#endif
}

/// e^x, for x <= 88; exactly 0 below -87.3.
[[gnu::always_inline]] inline Vec exp(Vec x) { return exp2(x * 1.44269504f); }

/// 1 / (1 + e^-x)
[[gnu::always_inline]] inline Vec sigmoid(Vec x) {
  const Vec bounded = max(x, broadcast(-87.0f));
  return 1.0f / (1.0f + exp(-bounded));
}

}  // namespace longsky::cpu
