// longsky/cuda/attention_decode.cuh — attention of one new token over the keys and values of all tokens so far.
//
//   o = sum over k of p v / sum over k of p,  p = e^(q k / sqrt(D) - m)
//
// The cache is cut into chunks, a block each, so that a long cache fills the GPU even for one sequence; their partial
// results are float and joined in order. A few lanes share a key, 16 bytes of it each. The heads that share keys run
// side by side, so that one of them brings a chunk into the L2 cache for all.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/cuda/launch.cuh>
#include <longsky/cuda/shared.cuh>
#include <longsky/cuda/vec.cuh>
#include <longsky/cuda/warp.cuh>
#include <longsky/spec/mask.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace longsky::cuda {

/// How a block shares out its chunk: teams of lanes take keys in turn, `at_once` of them together.
template <class T, int D>
struct AttentionDecodeTile {
  static constexpr int vec = Vec<T>::size, warps = 4, threads = warps * warp_size, at_once = 4;
  static constexpr int lanes = static_cast<int>(std::bit_ceil(static_cast<unsigned>(D / vec)));
  static constexpr int teams_of_warp = warp_size / lanes, teams = warps * teams_of_warp;
  static_assert(D % vec == 0 && lanes <= warp_size, "longsky: a head must be a whole number of 16-byte loads");

  /// Keys of a chunk: so many that few partial results are to be joined.
  static int keys(int length) { return std::max(256, (length + 63) / 64); }
};

namespace kernel {

/// Sums of one part of the keys: o is not yet divided by total.
template <int D>
struct DecodePart {
  static constexpr int size = D + 2;  // o, then top and total
};

/// One head, blockIdx.x, and one chunk, blockIdx.y.
template <class Mask, int H, int KV, int D, class T, class Tile>
__global__ __launch_bounds__(Tile::threads) void attention_decode_chunk(float* __restrict__ parts,
                                                                        const T* __restrict__ q,
                                                                        const T* __restrict__ k_cache,
                                                                        const T* __restrict__ v_cache, int length,
                                                                        int capacity, int keys) {
  constexpr int vec = Tile::vec, at_once = Tile::at_once, size = DecodePart<D>::size;
  __shared__ Shared<float, Tile::teams * size> of_team;
  const int head = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  const int team = thread / Tile::lanes, dim = thread % Tile::lanes * vec;
  const bool has_dims = dim < D;  // where a head is no power of two of loads, the last lanes have none
  const std::int64_t rows = static_cast<std::int64_t>(head / (H / KV)) * capacity;
  const TokenPlace query{length - 1, 0};

  float of_q[std::size_t{vec}] = {}, of_o[std::size_t{vec}] = {}, top = -INFINITY, total = 0;
  if (has_dims) {
    const auto some = Vec<T>::load(q + head * D + dim);
#pragma unroll
    for (int j = 0; j < vec; ++j) of_q[j] = some[j] / sqrtf(static_cast<float>(D));
  }
  const int first = static_cast<int>(blockIdx.y) * keys, end = std::min(length, first + keys);
  for (int from = first; from < end; from += at_once * Tile::teams) {  // the same turns for all lanes of a warp
    float s[std::size_t{at_once}];
    bool seen[std::size_t{at_once}];
    Vec<T> value[std::size_t{at_once}];
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
      const int key = from + i * Tile::teams + team;
      seen[i] = key < end && Mask::visible(query, TokenPlace{key, 0});
      s[i] = 0;
      value[i] = {};
      if (seen[i] && has_dims) {
        const auto some = Vec<T>::load(k_cache + (rows + key) * D + dim);
        value[i] = Vec<T>::load(v_cache + (rows + key) * D + dim);
#pragma unroll
        for (int j = 0; j < vec; ++j) s[i] += of_q[j] * some[j];
      }
    }
    float highest = top;
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
#pragma unroll
      for (int apart = Tile::lanes / 2; apart > 0; apart /= 2) s[i] += __shfl_xor_sync(all_lanes, s[i], apart);
      if (!seen[i]) s[i] = -INFINITY;
      highest = fmaxf(highest, s[i]);
    }
    const float base = highest == -INFINITY ? 0.0f : highest;  // where nothing was seen so far, e^(s - 0) is 0
    const float stale = expf(top - base);
    top = highest;
    total *= stale;
#pragma unroll
    for (float& x : of_o) x *= stale;
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
      const float p = expf(s[i] - base);
      total += p;
#pragma unroll
      for (int j = 0; j < vec; ++j) of_o[j] += p * value[i][j];
    }
  }
#pragma unroll
  for (int j = 0; j < vec; ++j)
    if (has_dims) of_team[team * size + dim + j] = of_o[j];
  if (dim == 0) {
    of_team[team * size + D] = top;
    of_team[team * size + D + 1] = total;
  }
  __syncthreads();

  float all_top = -INFINITY;
  for (int i = 0; i < Tile::teams; ++i) all_top = fmaxf(all_top, of_team[i * size + D]);
  const auto weight = [&](int i) {
    const float of_i = of_team[i * size + D];
    return of_i == -INFINITY ? 0.0f : expf(of_i - all_top);
  };
  const std::int64_t chunks = gridDim.y;
  float* const part = parts + (head * chunks + blockIdx.y) * size;
  for (int d = thread; d < D; d += Tile::threads) {
    float sum = 0;
    for (int i = 0; i < Tile::teams; ++i) sum += weight(i) * of_team[i * size + d];
    part[d] = sum;
  }
  if (thread == 0) {
    float sum = 0;
    for (int i = 0; i < Tile::teams; ++i) sum += weight(i) * of_team[i * size + D + 1];
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
/// A query that sees no key gets o = 0.
template <class Mask, int H, int KV, int D, class T>
void attention_decode(Device& device, T* o, const T* q, const T* k_cache, const T* v_cache, int length, int capacity) {
  static_assert(H % KV == 0, "longsky: the number of key heads must divide the number of heads");
  using Tile = AttentionDecodeTile<T, D>;
  const int keys = Tile::keys(length);
  const std::int64_t chunks = (length + keys - 1) / keys;
  auto* const parts = static_cast<float*>(device.scratch(
      Scratch::reduction, H * chunks * kernel::DecodePart<D>::size * static_cast<std::int64_t>(sizeof(float))));
  launch(device, {.blocks = H, .threads = Tile::threads, .rows = chunks},
         kernel::attention_decode_chunk<Mask, H, KV, D, T, Tile>, parts, q, k_cache, v_cache, length, capacity, keys);
  launch(device, {H, D}, kernel::attention_decode_join<D, T>, o, parts, static_cast<int>(chunks));
}

}  // namespace longsky::cuda
