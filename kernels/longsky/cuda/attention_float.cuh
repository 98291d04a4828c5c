// longsky/cuda/attention_float.cuh — attention in float, forward and backward, without tensor cores: for recipes that
// keep everything in float, and as the one that the bfloat16 kernels can be compared with on a GPU.
//
//   forward:   s = q k / sqrt(D),  o = sum of e^(s - m) v / sum of e^(s - m) with a running maximum m,
//              lse = m + log of the sum
//   backward:  p = e^(s - lse),  ds = p (do v - delta),  dv = p^T do,  dk = ds^T q / sqrt(D),  dq = ds k / sqrt(D)
//
// Four lanes share a row and own a quarter of its dims each, in registers; the rows of the other side come through
// shared memory. Backward is two passes, each of which owns what it sums: the same bits in every run.
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cuda/attention_backward.cuh>
#include <longsky/cuda/launch.cuh>
#include <longsky/cuda/shared.cuh>
#include <longsky/cuda/warp.cuh>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace longsky::cuda {

/// A block owns 32 rows, four lanes each, and walks over 32 rows of the other side at a time.
struct AttentionFloatTile {
  static constexpr int lanes = 4, owned = 32, walked = 32, threads = lanes * owned;
};
struct AttentionFloatTiles {
  static constexpr std::int64_t in_cache = walked_in_cache;
  using Forward = AttentionFloatTile;
  using Keys = AttentionFloatTile;
  using Queries = AttentionFloatTile;
};

namespace kernel {

/// What one lane holds of a row of D: groups of four neighbours, every fourth group.
template <int D>
struct Quarter {
  static_assert(D % 16 == 0);
  static constexpr int size = D / AttentionFloatTile::lanes;
  float dim[std::size_t{size}] = {};

  /// Where dim[i] lies in the row.
  static __device__ int place(int i) {
    return (i / 4 * AttentionFloatTile::lanes + static_cast<int>(threadIdx.x) % 4) * 4 + i % 4;
  }

  __device__ void load(const float* row) {
#pragma unroll
    for (int i = 0; i < size; ++i) dim[i] = row[place(i)];
  }
  __device__ void store(float* row, float scale) const {
#pragma unroll
    for (int i = 0; i < size; ++i) row[place(i)] = dim[i] * scale;
  }
  /// This lane's part of a dot product with row `j` of a tile.
  template <int N>
  __device__ float part(Shared<float, N>& tile, int j) const {
    float sum = 0;
#pragma unroll
    for (int i = 0; i < size; ++i) sum += dim[i] * tile[j * D + place(i)];
    return sum;
  }
  template <int N>
  __device__ void add(float factor, Shared<float, N>& tile, int j) {
#pragma unroll
    for (int i = 0; i < size; ++i) dim[i] += factor * tile[j * D + place(i)];
  }
};

/// Rows [first, first + walked) of `from`, `stride` elements apart; zeros from row `end` on. Barriers on both sides.
template <int D, int N>
__device__ void fill_tile(Shared<float, N>& tile, const float* from, std::int64_t stride, int first, int end) {
  for (int i = static_cast<int>(threadIdx.x); i < N; i += AttentionFloatTile::threads) {
    const int row = first + i / D;
    tile[i] = row < end ? from[row * stride + i % D] : 0.0f;
  }
}

/// Which sequence, head and rows a block has, and what it walks over. attention_grid's order, with the tiles and heads
/// of a layer in one row of blocks, so that there may be any number of tiles.
template <Walker walker, int Heads>
struct Work {
  int T, first, last, row;  // row: this thread's, which may lie behind the end
  std::int64_t b, h;
  Walk walk;
  bool nothing;  // behind the last sequence
  __device__ explicit Work(const AttentionBatch& batch) {
    constexpr int owned = AttentionFloatTile::owned;
    T = batch.context;
    const auto tiles = static_cast<unsigned>(T + owned - 1) / owned, at_once = gridDim.x / tiles;
    const unsigned in_order = blockIdx.x / at_once;  // those that walk the most begin first
    const auto tile = static_cast<int>(walker == Walker::backward_keys ? in_order : tiles - 1 - in_order);
    first = tile * owned;
    last = std::min(T, first + owned) - 1;
    row = first + static_cast<int>(threadIdx.x) / AttentionFloatTile::lanes;
    const unsigned head = blockIdx.z * at_once + blockIdx.x % at_once;
    b = head / Heads;
    h = head % Heads;
    nothing = b >= batch.sequences;
    if (nothing) return;
    walk = walk_of(batch, walker, b, tile, causal_walk<AttentionFloatTile::walked>(walker, first, last, T));
  }
  __device__ int row_within() const { return std::min(row, T - 1); }
};

template <class Mask, int H, int KV, int D>
__global__ __launch_bounds__(AttentionFloatTile::threads,
                             all_registers /
                                 AttentionFloatTile::threads) void attention_float_forward(float* __restrict__ o,
                                                                                           float* __restrict__ lse,
                                                                                           const float* __restrict__ q,
                                                                                           const float* __restrict__ k,
                                                                                           const float* __restrict__ v,
                                                                                           AttentionBatch batch) {
  constexpr int walked = AttentionFloatTile::walked;
  constexpr float never = -INFINITY;
  __shared__ Shared<float, walked * D> keys, values;
  __shared__ Shared<std::int32_t, walked> of_keys;  // their documents
  const Work<Walker::forward, H> work(batch);
  if (work.nothing) return;
  const SequencePlaces places = batch.places(work.b);
  const std::int64_t head = work.b * H + work.h, kv_head = work.b * KV + work.h / (H / KV);
  const float scale = 1.0f / sqrtf(static_cast<float>(D));

  Quarter<D> of_q, of_o;
  of_q.load(q + (head * work.T + work.row_within()) * D);
  const TokenPlace own = places[work.row_within()];
  float top = never, total = 0;
  for (int key = work.walk.first; key < work.walk.behind; key += walked) {
    const int last_key = std::min(work.T, key + walked) - 1;
    const bool whole = work.walk.shows_all(key);
    const Cover cover =
        whole ? Cover::all : Mask::cover(places.range(work.first, work.last), places.range(key, last_key));
    if (cover == Cover::none) continue;
    __syncthreads();  // the tile before has been read
    fill_tile<D>(keys, k + kv_head * work.T * D, D, key, work.T);
    fill_tile<D>(values, v + kv_head * work.T * D, D, key, work.T);
    if (const int i = static_cast<int>(threadIdx.x); i < walked && !whole)
      of_keys[i] = places[std::min(key + i, last_key)].document;
    __syncthreads();

    float s[walked];
#pragma unroll
    for (int j = 0; j < walked; ++j) s[j] = row_sum(of_q.part(keys, j)) * scale;
    if (cover != Cover::all || key + walked > work.T)
#pragma unroll
      for (int j = 0; j < walked; ++j) {
        // No branch of its own for each of the rows: ptxas would keep what it needs to join them again in memory.
        const bool shown = (key + j <= last_key) & Mask::visible(own, TokenPlace{key + j, of_keys[j]});
        s[j] = shown ? s[j] : never;
      }
    float highest = top;
#pragma unroll
    for (int j = 0; j < walked; ++j) highest = fmaxf(highest, s[j]);
    const float base = highest == never ? 0.0f : highest;  // where nothing was visible so far, e^(s - 0) is 0
    const float stale = expf(top - base);
    top = highest;
    total *= stale;
#pragma unroll
    for (float& x : of_o.dim) x *= stale;
#pragma unroll
    for (int j = 0; j < walked; ++j) {
      const float p = expf(s[j] - base);
      total += p;
      of_o.add(p, values, j);
    }
  }
  if (work.row >= work.T) return;
  of_o.store(o + (work.b * work.T + work.row) * H * D + work.h * D, total == 0 ? 0.0f : 1.0f / total);
  if (threadIdx.x % AttentionFloatTile::lanes == 0) lse[head * work.T + work.row] = top + logf(total);
}

/// dk and dv of a tile of keys.
template <class Mask, int H, int KV, int D>
__global__ __launch_bounds__(AttentionFloatTile::threads) void attention_float_backward_keys(
    float* __restrict__ dk, float* __restrict__ dv, const float* __restrict__ d_o, const float* __restrict__ delta,
    const float* __restrict__ lse, const float* __restrict__ q, const float* __restrict__ k,
    const float* __restrict__ v, AttentionBatch batch) {
  constexpr int walked = AttentionFloatTile::walked;
  __shared__ Shared<float, walked * D> queries, d_out;
  const Work<Walker::backward_keys, KV> work(batch);
  if (work.nothing) return;
  const SequencePlaces places = batch.places(work.b);
  const std::int64_t at = ((work.b * KV + work.h) * work.T + work.row_within()) * D;
  const float scale = 1.0f / sqrtf(static_cast<float>(D));

  Quarter<D> of_k, of_v, of_dk, of_dv;
  of_k.load(k + at);
  of_v.load(v + at);
  for (std::int64_t h = work.h * (H / KV); h < (work.h + 1) * (H / KV); ++h) {
    const std::int64_t head = work.b * H + h;
    for (int query = work.walk.first; query < work.walk.behind; query += walked) {
      const int last_query = std::min(work.T, query + walked) - 1;
      const Cover cover = work.walk.shows_all(query)
                              ? Cover::all
                              : Mask::cover(places.range(query, last_query), places.range(work.first, work.last));
      if (cover == Cover::none) continue;
      __syncthreads();
      fill_tile<D>(queries, q + head * work.T * D, D, query, work.T);
      fill_tile<D>(d_out, d_o + work.b * work.T * H * D + h * D, std::int64_t{H} * D, query, work.T);
      __syncthreads();
      for (int j = 0; j <= last_query - query; ++j) {
        const float s = row_sum(of_k.part(queries, j)) * scale, dp = row_sum(of_v.part(d_out, j));
        bool shown = work.row <= work.last;
        if (shown && cover == Cover::some) shown = Mask::visible(places[query + j], places[work.row]);
        const float p = shown ? expf(s - lse[head * work.T + query + j]) : 0.0f;
        of_dv.add(p, d_out, j);
        of_dk.add(p * (dp - delta[head * work.T + query + j]), queries, j);
      }
    }
  }
  if (work.row >= work.T) return;
  of_dk.store(dk + at, scale);
  of_dv.store(dv + at, 1.0f);
}

/// dq of a tile of queries.
template <class Mask, int H, int KV, int D>
__global__ __launch_bounds__(AttentionFloatTile::threads) void attention_float_backward_queries(
    float* __restrict__ dq, const float* __restrict__ d_o, const float* __restrict__ delta,
    const float* __restrict__ lse, const float* __restrict__ q, const float* __restrict__ k,
    const float* __restrict__ v, AttentionBatch batch) {
  constexpr int walked = AttentionFloatTile::walked;
  __shared__ Shared<float, walked * D> keys, values;
  const Work<Walker::backward_queries, H> work(batch);
  if (work.nothing) return;
  const SequencePlaces places = batch.places(work.b);
  const std::int64_t head = work.b * H + work.h, kv_head = work.b * KV + work.h / (H / KV);
  const std::int64_t row = head * work.T + work.row_within();
  const float scale = 1.0f / sqrtf(static_cast<float>(D)), of_lse = lse[row], of_delta = delta[row];

  Quarter<D> of_q, of_d_o, of_dq;
  of_q.load(q + row * D);
  of_d_o.load(d_o + (work.b * work.T + work.row_within()) * H * D + work.h * D);
  for (int key = work.walk.first; key < work.walk.behind; key += walked) {
    const int last_key = std::min(work.T, key + walked) - 1;
    const bool whole = work.walk.shows_all(key);
    const Cover cover =
        whole ? Cover::all : Mask::cover(places.range(work.first, work.last), places.range(key, last_key));
    if (cover == Cover::none) continue;
    __syncthreads();
    fill_tile<D>(keys, k + kv_head * work.T * D, D, key, work.T);
    fill_tile<D>(values, v + kv_head * work.T * D, D, key, work.T);
    __syncthreads();
    for (int j = 0; j <= last_key - key; ++j) {
      const float s = row_sum(of_q.part(keys, j)) * scale, dp = row_sum(of_d_o.part(values, j));
      bool shown = true;
      if (cover == Cover::some) shown = Mask::visible(places[work.row_within()], places[key + j]);
      of_dq.add(shown ? expf(s - of_lse) * (dp - of_delta) : 0.0f, keys, j);
    }
  }
  if (work.row < work.T) of_dq.store(dq + row * D, scale);
}

}  // namespace kernel

/// The grid of a pass, whose blocks walk over what lies in `walked` rows of D floats for each of `heads` heads.
template <class Tiles>
Grid attention_float_grid(std::int64_t heads, int share, std::int64_t walked, int D, int context) {
  using Tile = AttentionFloatTile;
  const std::int64_t tiles = (context + Tile::owned - 1) / Tile::owned;
  Grid grid =
      attention_grid(heads, share, walked * D * std::int64_t{sizeof(float)}, tiles, Tile::threads, 0, Tiles::in_cache);
  grid.blocks *= std::exchange(grid.rows, 1);
  return grid;
}

/// As with bfloat16, in float. Head dims that are a multiple of 16, any T.
template <class Mask, int H, int KV, int D, class Tiles = AttentionFloatTiles>
void attention_forward(Device& device, Rows<float, H * D> o, float* lse, const float* q, const float* k, const float* v,
                       AttentionBatch batch) {
  static_assert(D % 16 == 0 && D <= 128,
                "longsky: a head on the GPU, in float, is a multiple of 16 wide and 128 at the most");
  static_assert(H % KV == 0, "longsky: the number of key heads must divide the number of heads");
  launch(device,
         attention_float_grid<Tiles>(batch.sequences * KV, H / KV, 2 * std::int64_t{batch.context}, D, batch.context),
         kernel::attention_float_forward<Mask, H, KV, D>, o.data, lse, q, k, v, batch);
}

/// As with bfloat16, in float; deterministic.
template <class Mask, int H, int KV, int D, class Tiles = AttentionFloatTiles>
void attention_backward(Device& device, float* dq, float* dk, float* dv, Rows<const float, H * D> d_o,
                        Rows<const float, H * D> o, const float* lse, const float* q, const float* k, const float* v,
                        AttentionBatch batch) {
  static_assert(D % 16 == 0 && D <= 128,
                "longsky: a head on the GPU, in float, is a multiple of 16 wide and 128 at the most");
  static_assert(H % KV == 0, "longsky: the number of key heads must divide the number of heads");
  const float* const delta = attention_delta<H, D>(device, d_o, o, batch);
  const std::int64_t rows = 2 * std::int64_t{batch.context};
  launch(device, attention_float_grid<Tiles>(batch.sequences * KV, 1, H / KV * rows, D, batch.context),
         kernel::attention_float_backward_keys<Mask, H, KV, D>, dk, dv, d_o.data, delta, lse, q, k, v, batch);
  launch(device, attention_float_grid<Tiles>(batch.sequences * KV, H / KV, rows, D, batch.context),
         kernel::attention_float_backward_queries<Mask, H, KV, D>, dq, d_o.data, delta, lse, q, k, v, batch);
}

}  // namespace longsky::cuda
