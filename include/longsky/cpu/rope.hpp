// longsky/cpu/rope.hpp — rotary positions (RoPE, arXiv 2104.09864), and the cut of the packed projection into heads.
//
//   y[i]       = x[i] * cos - x[i + D/2] * sin
//   y[i + D/2] = x[i] * sin + x[i + D/2] * cos,   cos, sin of position * frequency i, from a table
//
// Half-split layout. A row of `qkv` holds H query heads, KV key heads, KV value heads; values are not turned.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/cpu/device.hpp>
#include <longsky/cpu/vec.hpp>

#include <cstdint>
#include <cstring>
#include <span>

namespace longsky::cpu {

/// Turns one head of D dims by the angles of one position: `turn` is +1 for forward, -1 for backward.
template <int D>
[[gnu::always_inline]] inline void rotate(float* __restrict y, const float* __restrict x,
                                          const float* __restrict angles, float turn) {
  constexpr int half = D / 2, vectors = half / vec_width * vec_width;
  for (int i = 0; i < vectors; i += vec_width) {
    const Vec a = load(x + i), b = load(x + half + i), cosine = load(angles + i), sine = load(angles + half + i) * turn;
    store(y + i, a * cosine - b * sine);
    store(y + half + i, a * sine + b * cosine);
  }
  for (int i = vectors; i < half; ++i) {
    const float a = x[i], b = x[half + i], cosine = angles[i], sine = angles[half + i] * turn;
    y[i] = a * cosine - b * sine;
    y[half + i] = a * sine + b * cosine;
  }
}

/// Calls body(token, sequence, place in the sequence, angles of its position) for every row, in parallel.
template <int D, class Body>
void for_each_position(Device& device, std::int64_t tokens, std::span<const std::int32_t> positions, const float* table,
                       int context, const Body& body) {
  static_assert(D % 2 == 0, "longsky: a rotary head has an even number of dims");
  parallel_chunks(device.threads(), tokens, 64, [&](std::int64_t first, std::int64_t last, std::int64_t) {
    for (std::int64_t n = first; n < last; ++n)
      body(n, n / context, n % context, table + std::int64_t{positions[static_cast<std::size_t>(n)]} * D);
  });
}

/// Cuts `qkv` [B*T, (H+2*KV)*D] into q [B,H,T,D], k and v [B,KV,T,D], and turns q and k by their positions.
/// table [positions, D]: D/2 cosines, then D/2 sines. B = qkv.count / context, T = context.
template <int H, int KV, int D>
void rope_forward(Device& device, float* q, float* k, float* v, Rows<const float, (H + 2 * KV) * D> qkv,
                  std::span<const std::int32_t> positions, const float* table, int context) {
  const auto turn = [&](std::int64_t n, std::int64_t b, std::int64_t t, const float* angles) {
    const float* row = qkv[n];
    for (int h = 0; h < H; ++h) rotate<D>(q + ((b * H + h) * context + t) * D, row + h * D, angles, 1.0f);
    for (int h = 0; h < KV; ++h) {
      const std::int64_t place = ((b * KV + h) * context + t) * D;
      rotate<D>(k + place, row + (H + h) * D, angles, 1.0f);
      std::memcpy(v + place, row + (H + KV + h) * D, D * sizeof(float));
    }
  };
  for_each_position<D>(device, qkv.count, positions, table, context, turn);
}

/// The way back: writes every element of `dqkv`.
template <int H, int KV, int D>
void rope_backward(Device& device, Rows<float, (H + 2 * KV) * D> dqkv, const float* dq, const float* dk,
                   const float* dv, std::span<const std::int32_t> positions, const float* table, int context) {
  const auto turn_back = [&](std::int64_t n, std::int64_t b, std::int64_t t, const float* angles) {
    float* row = dqkv[n];
    for (int h = 0; h < H; ++h) rotate<D>(row + h * D, dq + ((b * H + h) * context + t) * D, angles, -1.0f);
    for (int h = 0; h < KV; ++h) {
      const std::int64_t place = ((b * KV + h) * context + t) * D;
      rotate<D>(row + (H + h) * D, dk + place, angles, -1.0f);
      std::memcpy(row + (H + KV + h) * D, dv + place, D * sizeof(float));
    }
  };
  for_each_position<D>(device, dqkv.count, positions, table, context, turn_back);
}

}  // namespace longsky::cpu
