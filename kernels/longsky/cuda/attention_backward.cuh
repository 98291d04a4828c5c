// longsky/cuda/attention_backward.cuh — flash attention on tensor cores, backward (Dao 2023, arXiv 2307.08691).
//
//   p = 2^(q k^T / (sqrt(D) ln 2) - lse / ln 2),  ds = p (do v^T - delta),  delta = sum over d of do * o
//   dv = p^T do,  dk = ds^T q / sqrt(D),  dq = ds k / sqrt(D)
//
// Two passes, each of which owns what it sums: a block of keys walks over the queries of all heads that share them for
// dk and dv, a block of queries over the keys for dq. Scores are computed twice, 7 products where atomic additions to
// dq need 5 (attention_atomic.cuh), and the bits are the same in every run. In both, the next tile of the walk comes
// while this one is multiplied.
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cuda/atomic.cuh>
#include <longsky/cuda/attention_tile.cuh>
#include <longsky/cuda/launch.cuh>
#include <longsky/cuda/shared.cuh>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace longsky::cuda {

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

template <int D, class Tile>
struct BackwardKeysShared {
  SharedTile<Tile::owned, D> keys, values;
  struct Stage {
    SharedTile<Tile::walked, D> queries, d_out;
    Shared<float, Tile::walked> lse, delta;
    SharedPlaces<Tile::walked> places;
  } stage[2];
  SharedPlaces<Tile::owned> places;
};

/// With room for ds of a tile, keys down and queries across.
template <int D, class Tile>
struct BackwardKeysAndSumsShared : BackwardKeysShared<D, Tile> {
  SharedTile<Tile::owned, static_cast<int>(std::bit_ceil(static_cast<unsigned>(Tile::walked)))> ds;
};

/// Leaves ds of a warp's keys where add_to_queries looks for it.
template <class Tile, int D, int N>
__device__ void share_ds(BackwardKeysAndSumsShared<D, Tile>& shared, const Factors<Tile::row_blocks, N>& ds) {
  const int warp = opaque_warp();
#pragma unroll
  for (int r = 0; r < Tile::row_blocks; ++r)
#pragma unroll
    for (int n = 0; n < N; ++n)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        shared.ds.store_matrix(static_cast<unsigned>((warp * Tile::row_blocks + r) * 16 + half * 8),
                               static_cast<unsigned>(n), ds.pair(r, n, half));
}

/// query_sums[walked, D] += ds^T keys: what one tile of keys has for the first `queries` queries that it looked at.
/// Begins with a barrier.
template <class Tile, int D>
__device__ void add_to_queries(float* __restrict__ query_sums, BackwardKeysAndSumsShared<D, Tile>& shared,
                               int queries) {
  __syncthreads();
  const unsigned lane = opaque_lane();
  const int warp = opaque_warp();
  // The warps take turns at columns of 16, where there are enough for all of them, or at pieces of 16 x 16.
  constexpr int down = Tile::walked / 16, across = D / 16;
  constexpr int rows = across % Tile::warps == 0 ? down : 1, pieces = down / rows * across;
  static_assert(pieces % Tile::warps == 0);
#pragma unroll 1
  for (int piece = warp; piece < pieces; piece += Tile::warps) {
    const int row = piece / across * 16, pair = piece % across;
    Sums<rows, 2> sums;
#pragma unroll 2  // all of them leave the registers
    for (int step = 0; step < Tile::owned / 16; ++step) {
      std::uint32_t a[std::size_t{rows}][4], b[4];
#pragma unroll
      for (int r = 0; r < rows; ++r) load_a_turned(a[r], shared.ds, lane, row / 16 + r, step);
      load_b(b, shared.keys, lane, step * 16, pair);
      sums.add(a, b, 0);
    }
#pragma unroll
    for (int r = 0; r < rows; ++r)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int query = row + r * 16 + static_cast<int>(lane / 4) + half * 8;
        if (query >= queries) continue;
#pragma unroll
        for (int n = 0; n < 2; ++n)
          add_atomically(query_sums + query * D + pair * 16 + n * 8 + lane % 4 * 2, sums.block[r][n][2 * half],
                         sums.block[r][n][2 * half + 1]);
      }
  }
}

/// dk and dv of one tile of keys; with AddsToQueries also its part of query_sums [B,H,T,D], which is dq sqrt(D) when
/// all tiles are done.
template <class Mask, int H, int KV, int D, class Tile, bool AddsToQueries>
__global__ __launch_bounds__(Tile::threads, all_registers / Tile::threads) void attention_backward_keys(
    bf16* __restrict__ dk, bf16* __restrict__ dv, float* __restrict__ query_sums, const bf16* __restrict__ d_o,
    const float* __restrict__ delta, const float* __restrict__ lse, const bf16* __restrict__ q,
    const bf16* __restrict__ k, const bf16* __restrict__ v, AttentionBatch batch) {
  constexpr int R = Tile::row_blocks, walked = Tile::walked, N = walked / 8;
  auto& shared = shared_memory<
      std::conditional_t<AddsToQueries, BackwardKeysAndSumsShared<D, Tile>, BackwardKeysShared<D, Tile>>>();
  const int T = batch.context;
  const int first = static_cast<int>(blockIdx.y) * Tile::owned, last = std::min(T, first + Tile::owned) - 1;
  if (head_of_block() >= batch.sequences * KV) return;
  const int b = static_cast<int>(head_of_block() / KV), kv = static_cast<int>(head_of_block() % KV);
  const auto of_warp = [] { return opaque_warp() * R * 16; };  // its first key
  const SequencePlaces places = batch.places(b);
  const std::int64_t kv_head = (static_cast<std::int64_t>(b) * KV + kv) * T * D;
  const float scale = log2_e / sqrtf(static_cast<float>(D));

  // All heads of queries that share these keys, and of each the tiles that the mask shows.
  const auto walk = [&] {  // where it begins is asked again for each head, and not kept
    return walk_of(batch, Walker::backward_keys, b, first / Tile::owned,
                   causal_walk<Tile::walked>(Walker::backward_keys, first, last, T));
  };
  const int behind = walk().behind;
  struct Place {
    int of_group, query;
  };
  const auto cover = [&](int query) {
    if (walk().shows_all(query)) return Cover::all;
    return Mask::cover(places.range(query, std::min(T, query + walked) - 1), places.range(first, last));
  };
  const auto shown = [&](Place at) {
    for (;; at = {at.of_group + 1, walk().first}) {
      for (; at.query < behind; at.query += walked)
        if (cover(at.query) != Cover::none) return at;
      if (at.of_group == H / KV - 1) return at;  // there is no more
    }
  };
  const auto h_of = [&](Place at) { return kv * (H / KV) + at.of_group; };
  const auto head_of = [&](Place at) { return static_cast<std::int64_t>(b) * H + h_of(at); };
  const auto copy = [&](auto& stage, Place at) {
    const std::int64_t head = head_of(at) * T;
    copy_rows<Tile::threads>(stage.queries, q + head * D, D, at.query, T);
    copy_rows<Tile::threads>(stage.d_out, d_o + (static_cast<std::int64_t>(b) * T * H + h_of(at)) * D, H * D, at.query,
                             T);
    copy_numbers<Tile::threads>(stage.lse, lse + head, at.query, T);
    copy_numbers<Tile::threads>(stage.delta, delta + head, at.query, T);
    if (!walk().shows_all(at.query)) stage.places.template copy<Tile::threads>(places, at.query, T);
  };

  Sums<R, D / 8> of_dk, of_dv;
  copy_rows<Tile::threads>(shared.keys, k + kv_head, D, first, T);
  copy_rows<Tile::threads>(shared.values, v + kv_head, D, first, T);
  shared.places.template copy<Tile::threads>(places, first, T);
  Place at = shown({0, walk().first});
  if (at.query < behind) copy(shared.stage[0], at);
  commit_copies();
  int turn = 0;
  for (Place next; at.query < behind; at = next, turn ^= 1) {
    next = shown({at.of_group, at.query + walked});
    wait_for_copies<0>();
    __syncthreads();  // this stage is there, and all have read the other
    if (next.query < behind) copy(shared.stage[turn ^ 1], next);
    commit_copies();

    auto& stage = shared.stage[turn];
    Sums<R, N> s, dp;  // keys down, queries across
    dp.for_each([&](int, int column, float& x) { x = -stage.delta[column]; });
    multiply_turned(s, shared.keys, of_warp(), stage.queries);
    multiply_turned(dp, shared.values, of_warp(), stage.d_out);
    s.for_each([&](int, int column, float& x) { x = exp2_approx(x * scale - stage.lse[column] * log2_e); });
    if (first + Tile::owned > T || at.query + walked > T || cover(at.query) != Cover::all) {
      const int key = of_warp();
      s.for_each([&](int row, int column, float& p) {
        const TokenPlace of_query = stage.places.at(at.query, column), of_key = shared.places.at(first, key + row);
        if ((of_key.index >= T) | (of_query.index >= T) | !Mask::visible(of_query, of_key)) p = 0;
      });
    }
#pragma unroll
    for (int r = 0; r < R; ++r)
#pragma unroll
      for (int n = 0; n < N; ++n)
#pragma unroll
        for (int i = 0; i < 4; ++i) dp.block[r][n][i] *= s.block[r][n][i];
    const Factors<R, N> of_p = s.rounded(), ds = dp.rounded();
    if constexpr (AddsToQueries) share_ds<Tile>(shared, ds);
    multiply_rows(of_dv, of_p, stage.d_out);
    multiply_rows(of_dk, ds, stage.queries);
    if constexpr (AddsToQueries)
      add_to_queries<Tile, D>(query_sums + (head_of(at) * T + at.query) * D, shared, T - at.query);
  }
  wait_for_copies<0>();                                                   // of keys that no query sees
  const std::int64_t to = std::int64_t{opaque(head_of_block())} * T * D;  // kv_head, which is not kept until here
  store_rows(dk + to, D, of_dk, first + of_warp(), T, 1.0f / sqrtf(static_cast<float>(D)));
  store_rows(dv + to, D, of_dv, first + of_warp(), T, 1.0f);
}

template <int D, class Tile>
struct BackwardQueriesShared {
  SharedTile<Tile::owned, D> queries, d_out;
  struct Stage {
    SharedTile<Tile::walked, D> keys, values;
    SharedPlaces<Tile::walked> places;
  } stage[2];
  Shared<float, Tile::owned> lse, delta;
  SharedPlaces<Tile::owned> places;
};

/// dq of one tile of queries.
template <class Mask, int H, int KV, int D, class Tile>
__global__ __launch_bounds__(Tile::threads, all_registers / Tile::threads) void attention_backward_queries(
    bf16* __restrict__ dq, const bf16* __restrict__ d_o, const float* __restrict__ delta, const float* __restrict__ lse,
    const bf16* __restrict__ q, const bf16* __restrict__ k, const bf16* __restrict__ v, AttentionBatch batch) {
  constexpr int R = Tile::row_blocks, walked = Tile::walked, N = walked / 8;
  auto& shared = shared_memory<BackwardQueriesShared<D, Tile>>();
  const int T = batch.context, tiles = (T + Tile::owned - 1) / Tile::owned;
  const int first = (tiles - 1 - static_cast<int>(blockIdx.y)) * Tile::owned,
            last = std::min(T, first + Tile::owned) - 1;
  if (head_of_block() >= batch.sequences * H) return;
  const int b = static_cast<int>(head_of_block() / H), h = static_cast<int>(head_of_block() % H);
  const auto of_warp = [] { return opaque_warp() * R * 16; };  // its first query
  const SequencePlaces places = batch.places(b);
  const std::int64_t head = static_cast<std::int64_t>(b) * H + h;
  const std::int64_t kv_head = (static_cast<std::int64_t>(b) * KV + h / (H / KV)) * T * D;
  const float scale = log2_e / sqrtf(static_cast<float>(D));

  const Walk walk = walk_of(batch, Walker::backward_queries, b, first / Tile::owned,
                            causal_walk<Tile::walked>(Walker::backward_queries, first, last, T));
  const auto cover = [&](int key) {
    return Mask::cover(places.range(first, last), places.range(key, std::min(T, key + walked) - 1));
  };
  bool whole;  // is the tile that was found last known to be shown whole?
  const auto shown = [&](int key) {
    for (;; key += walked) {
      whole = walk.shows_all(key);
      if (key >= walk.behind || whole || cover(key) != Cover::none) return key;
    }
  };
  const auto copy = [&](auto& stage, int key) {
    copy_rows<Tile::threads>(stage.keys, k + kv_head, D, key, T);
    copy_rows<Tile::threads>(stage.values, v + kv_head, D, key, T);
    if (!whole) stage.places.template copy<Tile::threads>(places, key, T);
  };

  copy_rows<Tile::threads>(shared.queries, q + head * T * D, D, first, T);
  copy_rows<Tile::threads>(shared.d_out, d_o + (static_cast<std::int64_t>(b) * T * H + h) * D, H * D, first, T);
  copy_numbers<Tile::threads>(shared.lse, lse + head * T, first, T);
  copy_numbers<Tile::threads>(shared.delta, delta + head * T, first, T);
  shared.places.template copy<Tile::threads>(places, first, T);
  int key = shown(walk.first);
  if (key < walk.behind) copy(shared.stage[0], key);
  commit_copies();
  Sums<R, D / 8> of_dq;
  int turn = 0;
  for (int next; key < walk.behind; key = next, turn ^= 1) {
    const bool asks = !whole;
    next = shown(key + walked);
    wait_for_copies<0>();
    __syncthreads();  // this stage is there, and all have read the other
    if (next < walk.behind) copy(shared.stage[turn ^ 1], next);
    commit_copies();

    auto& stage = shared.stage[turn];
    Sums<R, N> s, dp;
    multiply_turned(s, shared.queries, of_warp(), stage.keys);
    multiply_turned(dp, shared.d_out, of_warp(), stage.values);
    const int of_lane = of_warp() + static_cast<int>(opaque_lane() / 4);
#pragma unroll
    for (int r = 0; r < R; ++r)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = of_lane + r * 16 + half * 8;
        const float base = shared.lse[row] * log2_e, of_delta = shared.delta[row];
#pragma unroll
        for (int n = 0; n < N; ++n)
#pragma unroll
          for (int i = 2 * half; i < 2 * half + 2; ++i)
            dp.block[r][n][i] = exp2_approx(s.block[r][n][i] * scale - base) * (dp.block[r][n][i] - of_delta);
      }
    if (asks && (key + walked > T || cover(key) != Cover::all)) {
      const int query = of_warp();
      dp.for_each([&](int row, int column, float& ds) {
        const TokenPlace of_query = shared.places.at(first, query + row), of_key = stage.places.at(key, column);
        if ((of_key.index >= T) | !Mask::visible(of_query, of_key)) ds = 0;
      });
    }
    multiply_rows(of_dq, dp.rounded(), stage.keys);
  }
  wait_for_copies<0>();                                                   // of queries that see no key
  const std::int64_t to = std::int64_t{opaque(head_of_block())} * T * D;  // the head's, which is not kept until here
  store_rows(dq + to, D, of_dq, first + of_warp(), T, 1.0f / sqrtf(static_cast<float>(D)));
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
template <class Mask, int H, int KV, int D, class Tiles, class Sums>
void attention_backward_keys(Device& device, bf16* dk, bf16* dv, Sums query_sums, Rows<const bf16, H * D> d_o,
                             const float* delta, const float* lse, const bf16* q, const bf16* k, const bf16* v,
                             const AttentionBatch& batch) {
  static_assert(D == 32 || D == 64 || D == 128, "longsky: a head on the GPU has 32, 64 or 128 dims");
  static_assert(H % KV == 0, "longsky: the number of key heads must divide the number of heads");
  using Tile = typename Tiles::Keys;
  constexpr bool adds = !std::is_null_pointer_v<Sums>;
  using Shared =
      std::conditional_t<adds, kernel::BackwardKeysAndSumsShared<D, Tile>, kernel::BackwardKeysShared<D, Tile>>;
  const std::int64_t tiles = (batch.context + Tile::owned - 1) / Tile::owned,
                     walked = 2 * std::int64_t{H / KV} * batch.context * D * std::int64_t{sizeof(bf16)};
  launch(device, attention_grid(batch.sequences * KV, 1, walked, tiles, Tile::threads, sizeof(Shared), Tiles::in_cache),
         kernel::attention_backward_keys<Mask, H, KV, D, Tile, adds>, dk, dv, query_sums, d_o.data, delta, lse, q, k, v,
         batch);
}

/// Writes every element of dq [B,H,T,D], dk and dv [B,KV,T,D]. o and lse are the forward pass's. Any T up to
/// 65,535 tiles.
template <class Mask, int H, int KV, int D, class Tiles = AttentionTiles<D>>
void attention_backward(Device& device, bf16* dq, bf16* dk, bf16* dv, Rows<const bf16, H * D> d_o,
                        Rows<const bf16, H * D> o, const float* lse, const bf16* q, const bf16* k, const bf16* v,
                        AttentionBatch batch) {
  using Queries = typename Tiles::Queries;
  const float* const delta = attention_delta<H, D>(device, d_o, o, batch);
  attention_backward_keys<Mask, H, KV, D, Tiles>(device, dk, dv, nullptr, d_o, delta, lse, q, k, v, batch);
  const std::int64_t tiles = (batch.context + Queries::owned - 1) / Queries::owned,
                     walked = 2 * std::int64_t{batch.context} * D * std::int64_t{sizeof(bf16)};
  launch(device,
         attention_grid(batch.sequences * KV, H / KV, walked, tiles, Queries::threads,
                        sizeof(kernel::BackwardQueriesShared<D, Queries>), Tiles::in_cache),
         kernel::attention_backward_queries<Mask, H, KV, D, Queries>, dq, d_o.data, delta, lse, q, k, v, batch);
}

}  // namespace longsky::cuda
