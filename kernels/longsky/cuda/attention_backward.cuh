// longsky/cuda/attention_backward.cuh — flash attention on tensor cores, backward (Dao 2023, arXiv 2307.08691).
//
//   p = 2^(q k^T / (sqrt(D) ln 2) - lse / ln 2),  ds = p (do v^T - delta),  delta = sum over d of do * o
//   dv = p^T do,  dk = ds^T q / sqrt(D),  dq = ds k / sqrt(D)
//
// Two passes, each of which owns what it sums: a block of keys walks over the queries of all heads that share them for
// dk and dv, a block of queries over the keys for dq. Scores are computed twice, 7 products where atomic additions to
// dq need 5 (attention_atomic.cuh), and the bits are the same in every run.
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cuda/atomic.cuh>
#include <longsky/cuda/attention_tile.cuh>
#include <longsky/cuda/launch.cuh>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace longsky::cuda {

/// A block owns 16 rows a warp and walks over `walked` rows at a time.
template <int D>
struct AttentionBackwardTile {
  static constexpr int warps = 4, threads = warps * warp_size;
  static constexpr int owned = warps * 16;
  // Blocks a multiprocessor at least, 0: unsaid. Unsaid, ptxas 13.0 spills to have 3 where D = 64; said, where D = 32.
  static constexpr int blocks = D == 32 ? 0 : 2;
  static constexpr int walked = D == 128 ? 16 : D == 64 ? 48 : 64;  // more leaves the registers
};

namespace kernel {

/// delta[b, h, t] = sum over d of do * o: a warp a row of o [B*T, H*D].
template <class T, int H, int D>
__global__ void attention_delta(float* __restrict__ delta, const T* __restrict__ d_o, const T* __restrict__ o,
                                std::int64_t rows, int context) {
  const int lane = static_cast<int>(threadIdx.x) % warp_size;
  const std::int64_t row = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / warp_size;
  if (row >= rows * H) return;
  const std::int64_t n = row / H, h = row % H;
  float sum = 0;
  for (int d = lane; d < D; d += warp_size)
    sum += static_cast<float>(d_o[row * D + d]) * static_cast<float>(o[row * D + d]);
  sum = warp_sum(sum);
  if (lane == 0) delta[(n / context * H + h) * context + n % context] = sum;
}

/// p and ds of one pair from its score and from do v.
struct Pair {
  float p, ds;
};
inline __device__ Pair pair_of(float score, float dp, float scale, float lse, float delta, bool shown) {
  const float p = shown ? exp2f(score * scale - lse * log2_e) : 0.0f;
  return {p, p * (dp - delta)};
}

/// query_sums[walked, D] += ds^T keys: what one tile of keys has for the queries it looked at, 16 x 16 sums at a time.
template <class Tile, int D>
__device__ void add_to_queries(float* __restrict__ query_sums, const float (&ds)[Tile::walked / 8][4],
                               SharedTile<Tile::owned, D>& keys, int queries) {
  constexpr int columns = static_cast<int>(std::bit_ceil(static_cast<unsigned>(Tile::walked)));
  __shared__ SharedTile<Tile::owned, columns> turned;  // ds, keys down and queries across
  const int lane = static_cast<int>(threadIdx.x) % warp_size, warp = static_cast<int>(threadIdx.x) / warp_size;
#pragma unroll
  for (int n = 0; n < Tile::walked / 8; ++n)
#pragma unroll
    for (int half = 0; half < 2; ++half)
      turned.store_matrix(warp * 16 + half * 8, n, pack_bf16(ds[n][2 * half], ds[n][2 * half + 1]));
  __syncthreads();

  constexpr int pairs = D / 16, pieces = Tile::walked / 16 * pairs;
  static_assert(pieces % Tile::warps == 0);
#pragma unroll 1
  for (int i = 0; i < pieces / Tile::warps; ++i) {  // unrolled, it leaves the registers
    const int piece = i * Tile::warps + warp, row = piece / pairs, pair = piece % pairs;
    float sum[2][4] = {};
#pragma unroll
    for (int step = 0; step < Tile::owned / 16; ++step) {
      std::uint32_t a[4], b[4];
      turned.template load_matrices<true>(a, step * 16 + lane % 8 + lane / 16 * 8, 2 * row + lane / 8 % 2);
      load_b(b, keys, step * 16, pair);
      multiply_add(sum[0], a, b[0], b[1]);
      multiply_add(sum[1], a, b[2], b[3]);
    }
#pragma unroll
    for (int n = 0; n < 2; ++n)
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int query = row * 16 + lane / 4 + j / 2 * 8;
        if (query < queries)
          add_atomically(query_sums + query * D + pair * 16 + n * 8 + lane % 4 * 2 + j % 2, sum[n][j]);
      }
  }
}

/// dk and dv of one tile of keys; with AddsToQueries also its part of query_sums [B,H,T,D], which is dq sqrt(D) when
/// all tiles are done.
template <class Mask, int H, int KV, int D, class Tile, bool AddsToQueries>
__global__ __launch_bounds__(Tile::threads, Tile::blocks) void attention_backward_keys(
    bf16* __restrict__ dk, bf16* __restrict__ dv, float* __restrict__ query_sums, const bf16* __restrict__ d_o,
    const float* __restrict__ delta, const float* __restrict__ lse, const bf16* __restrict__ q,
    const bf16* __restrict__ k, const bf16* __restrict__ v, AttentionBatch batch) {
  constexpr int N = Tile::walked / 8;
  __shared__ SharedTile<Tile::owned, D> keys, values;
  __shared__ SharedTile<Tile::walked, D> queries, d_out;
  const int T = batch.context;
  const std::int64_t heads = batch.sequences * KV;
  const int first = static_cast<int>(blockIdx.x / heads) * Tile::owned, last = std::min(T, first + Tile::owned) - 1;
  const int b = static_cast<int>(blockIdx.x % heads / KV), kv = static_cast<int>(blockIdx.x % heads % KV);
  const int lane = static_cast<int>(threadIdx.x) % warp_size, warp = static_cast<int>(threadIdx.x) / warp_size;
  const SequencePlaces places = batch.places(b);
  const std::int64_t kv_head = (static_cast<std::int64_t>(b) * KV + kv) * T * D;
  const float scale = log2_e / sqrtf(static_cast<float>(D));

  const Walk walk = walk_of(batch, Walker::backward_keys, b, first / Tile::owned,
                            causal_walk<Tile::walked>(Walker::backward_keys, first, last, T));

  copy_rows<Tile::threads>(keys, k + kv_head, D, first, T);
  copy_rows<Tile::threads>(values, v + kv_head, D, first, T);
  float of_dk[D / 8][4] = {}, of_dv[D / 8][4] = {};
  for (int h = kv * (H / KV); h < (kv + 1) * (H / KV); ++h) {
    const std::int64_t head = static_cast<std::int64_t>(b) * H + h;
    for (int query = walk.first; query < walk.behind; query += Tile::walked) {
      const int last_query = std::min(T, query + Tile::walked) - 1;
      const Cover cover = Mask::cover(places.range(query, last_query), places.range(first, last));
      if (cover == Cover::none) continue;
      copy_rows<Tile::threads>(queries, q + head * T * D, D, query, T);
      copy_rows<Tile::threads>(d_out, d_o + (static_cast<std::int64_t>(b) * T * H + h) * D, H * D, query, T);
      commit_copies();
      wait_for_copies<0>();
      __syncthreads();

      float s[N][4] = {}, dp[N][4] = {};  // keys down, queries across
      multiply_turned(s, keys, warp * 16, queries);
      multiply_turned(dp, values, warp * 16, d_out);
#pragma unroll
      for (int n = 0; n < N; ++n)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int of_query = query + n * 8 + lane % 4 * 2 + i % 2, of_key = first + warp * 16 + lane / 4 + i / 2 * 8;
          bool shown = of_query <= last_query && of_key <= last;
          if (shown && cover == Cover::some) shown = Mask::visible(places[of_query], places[of_key]);
          const std::int64_t at = head * T + std::min(of_query, T - 1);
          const Pair pair = pair_of(s[n][i], dp[n][i], scale, lse[at], delta[at], shown);
          s[n][i] = pair.p;
          dp[n][i] = pair.ds;
        }
      multiply_rows(of_dv, s, d_out);
      multiply_rows(of_dk, dp, queries);
      if constexpr (AddsToQueries)
        add_to_queries<Tile>(query_sums + (head * T + query) * D, dp, keys, last_query - query + 1);
      __syncthreads();  // all have read the queries
    }
  }
  wait_for_copies<0>();  // of keys that no query sees
  store_rows<D>(dk + kv_head, of_dk, first + warp * 16, T, 1.0f / sqrtf(static_cast<float>(D)));
  store_rows<D>(dv + kv_head, of_dv, first + warp * 16, T, 1.0f);
}

/// dq of one tile of queries.
template <class Mask, int H, int KV, int D, class Tile>
__global__ __launch_bounds__(Tile::threads) void attention_backward_queries(
    bf16* __restrict__ dq, const bf16* __restrict__ d_o, const float* __restrict__ delta, const float* __restrict__ lse,
    const bf16* __restrict__ q, const bf16* __restrict__ k, const bf16* __restrict__ v, AttentionBatch batch) {
  constexpr int N = Tile::walked / 8;
  __shared__ SharedTile<Tile::owned, D> queries, d_out;
  __shared__ SharedTile<Tile::walked, D> keys, values;
  const int T = batch.context, tiles = (T + Tile::owned - 1) / Tile::owned;
  const std::int64_t heads = batch.sequences * H;
  const int first = (tiles - 1 - static_cast<int>(blockIdx.x / heads)) * Tile::owned,
            last = std::min(T, first + Tile::owned) - 1;
  const int b = static_cast<int>(blockIdx.x % heads / H), h = static_cast<int>(blockIdx.x % heads % H);
  const int lane = static_cast<int>(threadIdx.x) % warp_size, warp = static_cast<int>(threadIdx.x) / warp_size;
  const SequencePlaces places = batch.places(b);
  const std::int64_t head = static_cast<std::int64_t>(b) * H + h;
  const std::int64_t kv_head = (static_cast<std::int64_t>(b) * KV + h / (H / KV)) * T * D;
  const float scale = log2_e / sqrtf(static_cast<float>(D));

  const Walk walk = walk_of(batch, Walker::backward_queries, b, first / Tile::owned,
                            causal_walk<Tile::walked>(Walker::backward_queries, first, last, T));

  copy_rows<Tile::threads>(queries, q + head * T * D, D, first, T);
  copy_rows<Tile::threads>(d_out, d_o + (static_cast<std::int64_t>(b) * T * H + h) * D, H * D, first, T);
  float of_lse[2], of_delta[2];
#pragma unroll
  for (int row = 0; row < 2; ++row) {
    const std::int64_t at = head * T + std::min(first + warp * 16 + lane / 4 + row * 8, T - 1);
    of_lse[row] = lse[at];
    of_delta[row] = delta[at];
  }
  float of_dq[D / 8][4] = {};
  for (int key = walk.first; key < walk.behind; key += Tile::walked) {
    const int last_key = std::min(T, key + Tile::walked) - 1;
    const Cover cover = Mask::cover(places.range(first, last), places.range(key, last_key));
    if (cover == Cover::none) continue;
    copy_rows<Tile::threads>(keys, k + kv_head, D, key, T);
    copy_rows<Tile::threads>(values, v + kv_head, D, key, T);
    commit_copies();
    wait_for_copies<0>();
    __syncthreads();

    float s[N][4] = {}, dp[N][4] = {};
    multiply_turned(s, queries, warp * 16, keys);
    multiply_turned(dp, d_out, warp * 16, values);
#pragma unroll
    for (int n = 0; n < N; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int of_key = key + n * 8 + lane % 4 * 2 + i % 2, of_query = first + warp * 16 + lane / 4 + i / 2 * 8;
        bool shown = of_query <= last && of_key <= last_key;
        if (shown && cover == Cover::some) shown = Mask::visible(places[of_query], places[of_key]);
        dp[n][i] = pair_of(s[n][i], dp[n][i], scale, of_lse[i / 2], of_delta[i / 2], shown).ds;
      }
    multiply_rows(of_dq, dp, keys);
    __syncthreads();  // all have read the keys
  }
  wait_for_copies<0>();
  store_rows<D>(dq + head * T * D, of_dq, first + warp * 16, T, 1.0f / sqrtf(static_cast<float>(D)));
}

}  // namespace kernel

/// Queues delta [B,H,T] and says where in scratch memory it will be.
template <int H, int D, class T>
const float* attention_delta(Device& device, Rows<const T, H * D> d_o, Rows<const T, H * D> o,
                             const AttentionBatch& batch) {
  constexpr int threads = 256;
  const std::int64_t rows = batch.sequences * batch.context;
  auto* const delta =
      static_cast<float*>(device.scratch(Scratch::reduction, rows * H * static_cast<std::int64_t>(sizeof(float))));
  launch(device, {(rows * H * warp_size + threads - 1) / threads, threads}, kernel::attention_delta<T, H, D>, delta,
         d_o.data, o.data, rows, batch.context);
  return delta;
}

/// Queues dk and dv, and additions to query_sums [B,H,T,D] unless it is nothing.
template <class Mask, int H, int KV, int D, class Tile, class Sums>
void attention_backward_keys(Device& device, bf16* dk, bf16* dv, Sums query_sums, Rows<const bf16, H * D> d_o,
                             const float* delta, const float* lse, const bf16* q, const bf16* k, const bf16* v,
                             const AttentionBatch& batch) {
  static_assert(D == 32 || D == 64 || D == 128, "longsky: a head on the GPU has 32, 64 or 128 dims");
  static_assert(H % KV == 0, "longsky: the number of key heads must divide the number of heads");
  const std::int64_t tiles = (batch.context + Tile::owned - 1) / Tile::owned;
  launch(device, {tiles * batch.sequences * KV, Tile::threads},
         kernel::attention_backward_keys<Mask, H, KV, D, Tile, !std::is_null_pointer_v<Sums>>, dk, dv, query_sums,
         d_o.data, delta, lse, q, k, v, batch);
}

/// Writes every element of dq [B,H,T,D], dk and dv [B,KV,T,D]. o and lse are the forward pass's. Any T.
template <class Mask, int H, int KV, int D, class Tile = AttentionBackwardTile<D>>
void attention_backward(Device& device, bf16* dq, bf16* dk, bf16* dv, Rows<const bf16, H * D> d_o,
                        Rows<const bf16, H * D> o, const float* lse, const bf16* q, const bf16* k, const bf16* v,
                        AttentionBatch batch) {
  const float* const delta = attention_delta<H, D>(device, d_o, o, batch);
  attention_backward_keys<Mask, H, KV, D, Tile>(device, dk, dv, nullptr, d_o, delta, lse, q, k, v, batch);
  const std::int64_t tiles = (batch.context + Tile::owned - 1) / Tile::owned;
  launch(device, {tiles * batch.sequences * H, Tile::threads}, kernel::attention_backward_queries<Mask, H, KV, D, Tile>,
         dq, d_o.data, delta, lse, q, k, v, batch);
}

}  // namespace longsky::cuda
