// longsky/cuda/attention_decode.cuh — attention of one new token over the keys and values of all tokens so far.
//
//   o = sum over k of p v / sum over k of p,  p = e^(q k / sqrt(D) - m)
//
// The cache is cut into fixed chunks, a block each, so that a long cache fills the GPU even for one sequence; their
// partial results are float and joined in order.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/cuda/launch.cuh>
#include <longsky/cuda/shared.cuh>
#include <longsky/cuda/warp.cuh>
#include <longsky/spec/mask.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace longsky::cuda {

struct AttentionDecodeTile {
  static constexpr int warps = 4, threads = warps * warp_size;
  static constexpr int keys = 256;  // of a chunk
};

namespace kernel {

/// Sums of one part of the keys: o is not yet divided by total.
template <int D>
struct DecodePart {
  static constexpr int size = D + 2;  // o, then top and total
};

/// One head and one chunk: a warp takes every fourth key, a lane every 32nd dim.
template <class Mask, int H, int KV, int D, class T>
__global__ __launch_bounds__(AttentionDecodeTile::threads) void attention_decode_chunk(float* __restrict__ parts,
                                                                                       const T* __restrict__ q,
                                                                                       const T* __restrict__ k_cache,
                                                                                       const T* __restrict__ v_cache,
                                                                                       int length, int capacity) {
  using Tile = AttentionDecodeTile;
  constexpr int dims = (D + warp_size - 1) / warp_size;
  __shared__ Shared<float, Tile::warps * DecodePart<D>::size> of_warp;
  const int chunks = (length + Tile::keys - 1) / Tile::keys;
  const int head = static_cast<int>(blockIdx.x) / chunks, chunk = static_cast<int>(blockIdx.x) % chunks;
  const int lane = static_cast<int>(threadIdx.x) % warp_size, warp = static_cast<int>(threadIdx.x) / warp_size;
  const std::int64_t rows = static_cast<std::int64_t>(head / (H / KV)) * capacity;
  const TokenPlace query{length - 1, 0};
  const float scale = 1.0f / sqrtf(static_cast<float>(D));

  float of_q[dims] = {}, of_o[dims] = {}, top = -INFINITY, total = 0;
#pragma unroll
  for (int i = 0; i < dims; ++i)
    if (const int d = i * warp_size + lane; d < D) of_q[i] = static_cast<float>(q[head * D + d]) * scale;
  const int end = std::min(length, (chunk + 1) * Tile::keys);
  for (int key = chunk * Tile::keys + warp; key < end; key += Tile::warps) {
    if (!Mask::visible(query, TokenPlace{key, 0})) continue;  // the same in all lanes
    float s = 0;
#pragma unroll
    for (int i = 0; i < dims; ++i)
      if (const int d = i * warp_size + lane; d < D) s += of_q[i] * static_cast<float>(k_cache[(rows + key) * D + d]);
    s = warp_sum(s);
    const float highest = fmaxf(top, s), stale = expf(top - highest), p = expf(s - highest);
    top = highest;
    total = total * stale + p;
#pragma unroll
    for (int i = 0; i < dims; ++i)
      if (const int d = i * warp_size + lane; d < D)
        of_o[i] = of_o[i] * stale + p * static_cast<float>(v_cache[(rows + key) * D + d]);
  }
  const int at = warp * DecodePart<D>::size;
#pragma unroll
  for (int i = 0; i < dims; ++i)
    if (const int d = i * warp_size + lane; d < D) of_warp[at + d] = of_o[i];
  if (lane == 0) {
    of_warp[at + D] = top;
    of_warp[at + D + 1] = total;
  }
  __syncthreads();

  float all_top = -INFINITY;
  for (int w = 0; w < Tile::warps; ++w) all_top = fmaxf(all_top, of_warp[w * DecodePart<D>::size + D]);
  const auto weight = [&](int w) {
    const float of_w = of_warp[w * DecodePart<D>::size + D];
    return of_w == -INFINITY ? 0.0f : expf(of_w - all_top);
  };
  float* const part = parts + static_cast<std::int64_t>(blockIdx.x) * DecodePart<D>::size;
  for (int d = static_cast<int>(threadIdx.x); d < D; d += Tile::threads) {
    float sum = 0;
    for (int w = 0; w < Tile::warps; ++w) sum += weight(w) * of_warp[w * DecodePart<D>::size + d];
    part[d] = sum;
  }
  if (threadIdx.x == 0) {
    float sum = 0;
    for (int w = 0; w < Tile::warps; ++w) sum += weight(w) * of_warp[w * DecodePart<D>::size + D + 1];
    part[D] = all_top;
    part[D + 1] = sum;
  }
}

/// Joins the chunks of one head: thread d has dim d.
template <int D, class T>
__global__ __launch_bounds__(D) void attention_decode_join(T* __restrict__ o, const float* __restrict__ parts,
                                                           int chunks) {
  constexpr int size = DecodePart<D>::size;
  const float* const of_head = parts + static_cast<std::int64_t>(blockIdx.x) * chunks * size;
  float top = -INFINITY, sum = 0, total = 0;
  for (int c = 0; c < chunks; ++c) top = fmaxf(top, of_head[c * size + D]);
  for (int c = 0; c < chunks; ++c) {
    const float of_c = of_head[c * size + D], weight = of_c == -INFINITY ? 0.0f : expf(of_c - top);
    sum += weight * of_head[c * size + static_cast<int>(threadIdx.x)];
    total += weight * of_head[c * size + D + 1];
  }
  o[static_cast<std::int64_t>(blockIdx.x) * D + threadIdx.x] = static_cast<T>(total == 0 ? 0.0f : sum / total);
}

}  // namespace kernel

/// Attention of the query at index length-1, one document. q, o [H,D]; caches [KV, capacity, D], `length` rows filled.
template <class Mask, int H, int KV, int D, class T>
void attention_decode(Device& device, T* o, const T* q, const T* k_cache, const T* v_cache, int length, int capacity) {
  static_assert(H % KV == 0, "longsky: the number of key heads must divide the number of heads");
  using Tile = AttentionDecodeTile;
  const std::int64_t chunks = (length + Tile::keys - 1) / Tile::keys;
  auto* const parts = static_cast<float*>(device.scratch(
      Scratch::reduction, H * chunks * kernel::DecodePart<D>::size * static_cast<std::int64_t>(sizeof(float))));
  launch(device, {H * chunks, Tile::threads}, kernel::attention_decode_chunk<Mask, H, KV, D, T>, parts, q, k_cache,
         v_cache, length, capacity);
  launch(device, {H, D}, kernel::attention_decode_join<D, T>, o, parts, static_cast<int>(chunks));
}

}  // namespace longsky::cuda
