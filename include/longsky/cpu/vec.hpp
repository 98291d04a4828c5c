// longsky/cpu/vec.hpp — the machine's vector of floats, in GCC/Clang vector extensions: one source for AVX-512, AVX2,
// plain x86-64 and aarch64.
//
// exp: x = n ln 2 + f ln 2, |f| <= 1/2, 2^f by a polynomial of degree 6, 2^n by the exponent bits.
// The relative error grows with |x| through the rounding of x / ln 2: 2e-7 near 0, 4e-6 at 87.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace longsky::cpu {

#if defined(__AVX512F__)
inline constexpr int vec_width = 16;
#elif defined(__AVX__)
inline constexpr int vec_width = 8;
#else
inline constexpr int vec_width = 4;
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

/// Halves are added to halves, so that the order is the same on every machine of one width.
[[gnu::always_inline]] inline float sum(Vec v) {
  float lane[vec_width];
  std::memcpy(lane, &v, sizeof v);
  for (int half = vec_width / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
  return lane[0];
}
[[gnu::always_inline]] inline float maximum(Vec v) {
  float lane[vec_width];
  std::memcpy(lane, &v, sizeof v);
  for (int half = vec_width / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) lane[i] = lane[i] > lane[i + half] ? lane[i] : lane[i + half];
  return lane[0];
}

/// e^x, for x <= 88; below -87 the result is 2^-126, small enough to be nothing beside any softmax term.
[[gnu::always_inline]] inline Vec exp(Vec x) {
  x = max(x, broadcast(-87.0f));
  const Vec t = x * 1.44269504f;
  const Vec magic = broadcast(0x1.8p23f);  // adding it rounds to nearest and leaves the integer in the low bits
  const Vec shifted = t + magic;
  const Vec f = t - (shifted - magic);
  Vec p = broadcast(1.53533619e-4f);
  p = p * f + 1.33988744e-3f;
  p = p * f + 9.61843736e-3f;
  p = p * f + 5.55033247e-2f;
  p = p * f + 2.40226479e-1f;
  p = p * f + 6.93147203e-1f;
  p = p * f + 1.0f;
  const IntVec n = (IntVec)shifted << 23;
  return (Vec)((IntVec)p + n);
}

/// 1 / (1 + e^-x)
[[gnu::always_inline]] inline Vec sigmoid(Vec x) {
  const Vec bounded = max(x, broadcast(-87.0f));
  return 1.0f / (1.0f + exp(-(bounded > 87.0f ? broadcast(87.0f) : bounded)));
}

}  // namespace longsky::cpu
