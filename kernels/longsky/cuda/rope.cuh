// longsky/cuda/rope.cuh — rotary positions (RoPE, arXiv 2104.09864), and the cut of the packed projection into heads.
//
//   y[i]       = x[i] * cos - x[i + D/2] * sin
//   y[i + D/2] = x[i] * sin + x[i + D/2] * cos,   cos, sin of position * frequency i, from a table
//
// Half-split layout. A row of `qkv` holds H query heads, KV key heads, KV value heads; values are not turned. The table
// is float whatever the elements are: an angle of a long context has more bits than bfloat16.
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cuda/elementwise.cuh>
#include <longsky/cuda/vec.cuh>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace longsky::cuda {

namespace kernel {

/// Item i is one vector of the lower half of one head of one token, and its partner in the upper half.
template <class T, int H, int KV, int D, bool Forward>
struct Rope {
  static constexpr int vec = Vec<T>::size, half = D / 2, vectors = half / vec, heads = H + 2 * KV;
  static_assert(half % vec == 0, "longsky: half a head must be a whole number of 16-byte loads");
  using Packed = std::conditional_t<Forward, const T, T>;
  using Heads = std::conditional_t<Forward, T, const T>;

  Heads *q, *k, *v;
  Packed* qkv;
  const std::int32_t* positions;
  const float* table;
  int context;

  __device__ void operator()(std::int64_t i) const {
    // One division of 64 bits, by a constant; one by a number that only the host knows would be a hundred instructions.
    const auto n = static_cast<int>(i / (heads * vectors)),
               of_token = static_cast<int>(i - std::int64_t{n} * (heads * vectors));
    const int head = of_token / vectors, at = of_token % vectors * vec, t = n % context;
    const std::int64_t b = n / context;
    Heads* const of_head = head < H        ? q + ((b * H + head) * context + t) * D
                           : head < H + KV ? k + ((b * KV + head - H) * context + t) * D
                                           : v + ((b * KV + head - H - KV) * context + t) * D;
    Packed* const packed = qkv + (std::int64_t{n} * heads + head) * D;
    const T* const from = Forward ? packed : of_head;
    T* const to = const_cast<T*>(Forward ? of_head : packed);
    auto lower = Vec<T>::load(from + at), upper = Vec<T>::load(from + half + at);
    if (head < H + KV) {
      float turned[2][std::size_t{vec}];
      const float* const angles = table + static_cast<std::int64_t>(positions[n]) * D + at;
      using Angles = Vec<float>;
#pragma unroll
      for (int first = 0; first < vec; first += Angles::size) {
        const auto cosines = Angles::load(angles + first), sines = Angles::load(angles + half + first);
#pragma unroll
        for (int a = 0; a < Angles::size; ++a) {
          const int j = first + a;
          const float x = lower[j], y = upper[j], cosine = cosines[a], sine = Forward ? sines[a] : -sines[a];
          turned[0][j] = x * cosine - y * sine;
          turned[1][j] = x * sine + y * cosine;
        }
      }
      lower = Vec<T>::of(turned[0]);
      upper = Vec<T>::of(turned[1]);
    }
    lower.store(to + at);
    upper.store(to + half + at);
  }
};

}  // namespace kernel

/// Cuts `qkv` [B*T, (H+2*KV)*D] into q [B,H,T,D], k and v [B,KV,T,D], and turns q and k by their positions.
/// table [positions, D]: D/2 cosines, then D/2 sines. B = qkv.count / context, T = context, B T below 2^31.
template <int H, int KV, int D, class T>
void rope_forward(Device& device, T* q, T* k, T* v, In<T, (H + 2 * KV) * D> qkv,
                  std::span<const std::int32_t> positions, const float* table, int context) {
  using Body = kernel::Rope<T, H, KV, D, true>;
  for_each(device, qkv.count * Body::heads * Body::vectors, Body{q, k, v, qkv.data, positions.data(), table, context});
}

/// The way back: writes every element of `dqkv`.
template <int H, int KV, int D, class T>
void rope_backward(Device& device, Rows<T, (H + 2 * KV) * D> dqkv, const T* dq, const T* dk, const T* dv,
                   std::span<const std::int32_t> positions, const float* table, int context) {
  using Body = kernel::Rope<T, H, KV, D, false>;
  for_each(device, dqkv.count * Body::heads * Body::vectors,
           Body{dq, dk, dv, dqkv.data, positions.data(), table, context});
}

}  // namespace longsky::cuda
