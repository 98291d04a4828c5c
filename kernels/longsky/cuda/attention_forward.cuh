// longsky/cuda/attention_forward.cuh — flash attention on tensor cores, forward: o = softmax(q k^T / sqrt(D), masked)
// v, one pass over the keys with a running maximum (Dao 2023, arXiv 2307.08691).
//
//   s = q k^T / (sqrt(D) ln 2),  m' = max(m, max s),  p = 2^(s - m'),  l = l 2^(m - m') + sum of p,
//   o = o 2^(m - m') + p v;  at the end o / l and lse = ln 2 (m + log2 l)
//
// A warp owns 32 queries, whose sums and o stay in registers, so that each piece of keys and values that it loads from
// shared memory is used twice; the next tile of each comes while the other is multiplied. Tiles that the mask hides are
// skipped, those that it shows whole are not tested pair by pair; where the walk over tiles begins and ends, and where
// it need not ask, may be known beforehand (attention_bounds.cuh).
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cuda/attention_tile.cuh>
#include <longsky/cuda/launch.cuh>
#include <longsky/cuda/shared.cuh>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace longsky::cuda {

namespace kernel {

template <int D, class Tile>
struct ForwardShared {
  SharedTile<Tile::owned, D> queries;
  SharedTile<Tile::walked, D> keys, values;
  SharedPlaces<Tile::owned> of_queries;
  SharedPlaces<Tile::walked> of_keys;  // of those whose values are there
};

template <class Mask, int H, int KV, int D, class Tile>
__global__ __launch_bounds__(Tile::threads, all_registers / Tile::threads) void attention_forward(
    bf16* __restrict__ o, float* __restrict__ lse, const bf16* __restrict__ q, const bf16* __restrict__ k,
    const bf16* __restrict__ v, AttentionBatch batch) {
  constexpr int R = Tile::row_blocks, N = Tile::walked / 8;
  constexpr float never = -INFINITY;
  auto& shared = shared_memory<ForwardShared<D, Tile>>();

  // The last queries see the most keys: their tiles begin first.
  const int T = batch.context, tiles = (T + Tile::owned - 1) / Tile::owned;
  const int tile = tiles - 1 - static_cast<int>(blockIdx.y);
  if (head_of_block() >= batch.sequences * H) return;
  const int b = static_cast<int>(head_of_block() / H), h = static_cast<int>(head_of_block() % H);
  const int first = tile * Tile::owned, last = std::min(T, first + Tile::owned) - 1;
  const auto of_warp = [] { return opaque_warp() * R * 16; };  // its first query

  const SequencePlaces places = batch.places(b);
  const std::int64_t head = static_cast<std::int64_t>(b) * H + h;
  const std::int64_t kv_head = static_cast<std::int64_t>(b) * KV + h / (H / KV);
  const std::int64_t of_keys = kv_head * T * D;

  // The next tile of keys at or behind `from` that the mask shows some of; `behind` when there is none.
  const Walk walk =
      walk_of(batch, Walker::forward, b, tile, causal_walk<Tile::walked>(Walker::forward, first, last, T));
  const int behind = walk.behind;
  const auto cover = [&](int from) {
    return Mask::cover(places.range(first, last), places.range(from, std::min(from + Tile::walked, T) - 1));
  };
  bool whole;  // is the tile that was found last known to be shown whole?
  const auto shown = [&](int from) {
    for (;; from += Tile::walked) {
      whole = walk.shows_all(from);
      if (from >= behind || whole || cover(from) != Cover::none) return from;
    }
  };
  const auto copy = [&](SharedTile<Tile::walked, D>& to, const bf16* from, int at) {
    copy_rows<Tile::threads>(to, from + of_keys, D, at, T);
  };

  Sums<R, D / 8> of_o;
  // Of the rows of this lane: the largest score so far, scaled, and the sum, of its own columns until the end.
  float top[std::size_t{R}][2], total[std::size_t{R}][2] = {};
#pragma unroll
  for (int r = 0; r < R; ++r) top[r][0] = top[r][1] = never;
  const float scale = log2_e / sqrtf(static_cast<float>(D));

  copy_rows<Tile::threads>(shared.queries, q + head * T * D, D, first, T);
  shared.of_queries.template copy<Tile::threads>(places, first, T);
  int key = shown(walk.first);
  if (key < behind) copy(shared.keys, k, key);
  commit_copies();
  for (int next; key < behind; key = next) {
    wait_for_copies<0>();
    __syncthreads();  // the keys are there, and all have read the values before these
    copy(shared.values, v, key);
    const bool asks = !whole;
    if (asks) shared.of_keys.template copy<Tile::threads>(places, key, T);
    commit_copies();
    Sums<R, N> s;
    multiply_turned(s, shared.queries, of_warp(), shared.keys);
    next = shown(key + Tile::walked);
    wait_for_copies<0>();
    __syncthreads();  // the values are there, and all have read the keys
    if (next < behind) copy(shared.keys, k, next);
    commit_copies();

    if (asks && (key + Tile::walked > T || cover(key) != Cover::all)) {
      const int query = of_warp();
      s.for_each([&](int row, int column, float& score) {
        const TokenPlace of_query = shared.of_queries.at(first, query + row), of_key = shared.of_keys.at(key, column);
        if ((of_key.index >= T) | !Mask::visible(of_query, of_key)) score = never;
      });
    }

    bool moved = false;  // is there a row whose maximum is another now?
    float stale[std::size_t{R}][2];
#pragma unroll
    for (int r = 0; r < R; ++r)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float highest = never;
#pragma unroll
        for (int n = 0; n < N; ++n)
          highest = fmaxf(highest, fmaxf(s.block[r][n][2 * half], s.block[r][n][2 * half + 1]));
        highest = fmaxf(top[r][half], row_max(highest) * scale);
        // Where nothing was visible so far, 2^(s - 0) is 0 for every s.
        const float base = highest == never ? 0.0f : highest;
        stale[r][half] = exp2_approx(top[r][half] - base);  // 1 where the maximum stays, to the bit
        moved |= highest != top[r][half];
        top[r][half] = highest;
        float sum = 0;
#pragma unroll
        for (int n = 0; n < N; ++n)
#pragma unroll
          for (int i = 2 * half; i < 2 * half + 2; ++i) {
            s.block[r][n][i] = exp2_approx(s.block[r][n][i] * scale - base);
            sum += s.block[r][n][i];
          }
        total[r][half] = total[r][half] * stale[r][half] + sum;
      }
    const Factors<R, N> p = s.rounded();
    if (__any_sync(all_lanes, moved)) {
#pragma unroll
      for (int r = 0; r < R; ++r)
#pragma unroll
        for (int n = 0; n < D / 8; ++n)
#pragma unroll
          for (int i = 0; i < 4; ++i) of_o.block[r][n][i] *= stale[r][i / 2];
    }
    multiply_rows(of_o, p, shared.values);
  }
  wait_for_copies<0>();  // of queries that see no key

  const int lane = static_cast<int>(threadIdx.x) % warp_size;
#pragma unroll
  for (int r = 0; r < R; ++r)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int query = first + of_warp() + r * 16 + lane / 4 + half * 8;
      const float sum = row_sum(total[r][half]);
      total[r][half] = sum == 0 ? 0.0f : 1.0f / sum;
      if (lane % 4 == 0 && query < T)
        lse[head * T + query] = top[r][half] == never ? never : (top[r][half] + log2f(sum)) * ln_2;
    }
  store_rows(o + static_cast<std::int64_t>(b) * T * H * D + h * D, H * D, of_o, first + of_warp(), T, total);
}

}  // namespace kernel

/// o [B*T, H*D] and lse [B,H,T] from q [B,H,T,D], k and v [B,KV,T,D]. A query that sees no key gets o = 0 and
/// lse = -infinity. Any T up to 65,535 tiles.
template <class Mask, int H, int KV, int D, class Tiles = AttentionTiles<D>>
void attention_forward(Device& device, Rows<bf16, H * D> o, float* lse, const bf16* q, const bf16* k, const bf16* v,
                       AttentionBatch batch) {
  static_assert(D == 32 || D == 64 || D == 128, "longsky: a head on the GPU has 32, 64 or 128 dims");
  static_assert(H % KV == 0, "longsky: the number of key heads must divide the number of heads");
  using Tile = typename Tiles::Forward;
  const std::int64_t tiles = (batch.context + Tile::owned - 1) / Tile::owned,
                     walked = 2 * std::int64_t{batch.context} * D * std::int64_t{sizeof(bf16)};
  launch(device,
         attention_grid(batch.sequences * KV, H / KV, walked, tiles, Tile::threads,
                        sizeof(kernel::ForwardShared<D, Tile>), Tiles::in_cache),
         kernel::attention_forward<Mask, H, KV, D, Tile>, o.data, lse, q, k, v, batch);
}

}  // namespace longsky::cuda
