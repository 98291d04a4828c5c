// longsky/cuda/attention_forward.cuh — flash attention on tensor cores, forward: o = softmax(q k^T / sqrt(D), masked)
// v, one pass over the keys with a running maximum (Dao 2023, arXiv 2307.08691).
//
//   s = q k^T / (sqrt(D) ln 2),  m' = max(m, max s),  p = 2^(s - m'),  l = l 2^(m - m') + sum of p,
//   o = o 2^(m - m') + p v;  at the end o / l and lse = ln 2 (m + log2 l)
//
// A warp owns 16 queries, whose q, sums and o stay in registers; keys and values come through shared memory, the next
// tile of each while the other is multiplied. Tiles that the mask hides are skipped, those that it shows whole are not
// tested pair by pair; where the walk over tiles begins and ends may be known beforehand (attention_bounds.cuh).
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cuda/attention_tile.cuh>
#include <longsky/cuda/launch.cuh>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace longsky::cuda {

/// Queries and keys that a block takes at a time.
template <int D>
struct AttentionTile {
  static constexpr int warps = 4, threads = warps * warp_size;
  static constexpr int queries = warps * 16;
  static constexpr int keys = D == 128 ? 48 : 64;  // with 64 of them and D = 128 sums and factors leave the registers
};

namespace kernel {

template <class Mask, int H, int KV, int D, class Tile>
__global__ __launch_bounds__(Tile::threads) void attention_forward(bf16* __restrict__ o, float* __restrict__ lse,
                                                                   const bf16* __restrict__ q,
                                                                   const bf16* __restrict__ k,
                                                                   const bf16* __restrict__ v, AttentionBatch batch) {
  constexpr int D_blocks = D / 8, D_steps = D / 16, key_blocks = Tile::keys / 8;
  constexpr float never = -INFINITY;
  __shared__ SharedTile<Tile::keys, D> keys, values;

  // The last queries see the most keys: their tiles begin first.
  const int T = batch.context, tiles = (T + Tile::queries - 1) / Tile::queries;
  const std::int64_t heads = batch.sequences * H;
  const int tile = tiles - 1 - static_cast<int>(blockIdx.x / heads);
  const int b = static_cast<int>(blockIdx.x % heads / H), h = static_cast<int>(blockIdx.x % heads % H);
  const int first = tile * Tile::queries, last = std::min(T, first + Tile::queries) - 1;
  const int lane = static_cast<int>(threadIdx.x) % warp_size, warp = static_cast<int>(threadIdx.x) / warp_size;
  const int g = lane / 4, t = lane % 4;
  const int query[2] = {first + warp * 16 + g, first + warp * 16 + g + 8};  // the rows of this lane

  const SequencePlaces places = batch.places(b);
  const std::int64_t head = static_cast<std::int64_t>(b) * H + h;
  const std::int64_t kv_head = static_cast<std::int64_t>(b) * KV + h / (H / KV);
  const bf16* const from_q = q + head * T * D;
  const bf16 *const from_k = k + kv_head * T * D, *const from_v = v + kv_head * T * D;

  std::uint32_t of_q[D_steps][4];
#pragma unroll
  for (int step = 0; step < D_steps; ++step)
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int row = std::min(query[i % 2], T - 1);  // behind the end: computed, never stored
      of_q[step][i] = *reinterpret_cast<const std::uint32_t*>(from_q + static_cast<std::int64_t>(row) * D + step * 16 +
                                                              i / 2 * 8 + 2 * t);
    }

  float of_o[D_blocks][4] = {}, top[2] = {never, never}, total[2] = {0, 0};
  const float scale = log2_e / sqrtf(static_cast<float>(D));

  // The next tile of keys at or behind `from` that the mask shows some of; `behind` when there is none.
  const Walk walk = walk_of(batch, Walker::forward, b, tile, causal_walk<Tile::keys>(Walker::forward, first, last, T));
  const int begin = walk.first, behind = walk.behind;
  const auto shown = [&](int from) {
    while (from < behind && Mask::cover(places.range(first, last),
                                        places.range(from, std::min(from + Tile::keys, T) - 1)) == Cover::none)
      from += Tile::keys;
    return from;
  };

  const auto copy = [&](SharedTile<Tile::keys, D>& to, const bf16* from, int at) {
    copy_rows<Tile::threads>(to, from, D, at, T);
    commit_copies();
  };

  int key = shown(begin);
  if (key < behind) copy(keys, from_k, key);
  for (int next; key < behind; key = next) {
    copy(values, from_v, key);
    wait_for_copies<1>();
    __syncthreads();

    float s[key_blocks][4] = {};
#pragma unroll
    for (int step = 0; step < D_steps; ++step)
#pragma unroll
      for (int pair = 0; pair < key_blocks / 2; ++pair) {
        std::uint32_t of_k[4];
        load_b_turned(of_k, keys, pair * 16, step);
        multiply_add(s[2 * pair], of_q[step], of_k[0], of_k[1]);
        multiply_add(s[2 * pair + 1], of_q[step], of_k[2], of_k[3]);
      }
    __syncthreads();  // all have read the keys
    next = shown(key + Tile::keys);
    if (next < behind)
      copy(keys, from_k, next);
    else
      commit_copies();  // an empty group, so that the values are always the last but one

    const int last_key = std::min(key + Tile::keys, T) - 1;
    const bool whole = last_key == key + Tile::keys - 1 &&
                       Mask::cover(places.range(first, last), places.range(key, last_key)) == Cover::all;
#pragma unroll
    for (int n = 0; n < key_blocks; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        s[n][i] *= scale;
        if (whole) continue;
        const int of_key = key + n * 8 + 2 * t + i % 2;
        if (of_key > last_key || !Mask::visible(places[std::min(query[i / 2], T - 1)], places[of_key])) s[n][i] = never;
      }

    float stale[2];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      float highest = top[row];
#pragma unroll
      for (int n = 0; n < key_blocks; ++n) highest = fmaxf(highest, fmaxf(s[n][2 * row], s[n][2 * row + 1]));
      highest = row_max(highest);
      // Where nothing was visible so far, 2^(s - 0) is 0 for every s.
      const float base = highest == never ? 0.0f : highest;
      stale[row] = exp2f(top[row] - base);
      top[row] = highest;
      float sum = 0;
#pragma unroll
      for (int n = 0; n < key_blocks; ++n)
#pragma unroll
        for (int i = 2 * row; i < 2 * row + 2; ++i) {
          s[n][i] = exp2f(s[n][i] - base);
          sum += s[n][i];
        }
      total[row] = total[row] * stale[row] + sum;
    }
#pragma unroll
    for (int n = 0; n < D_blocks; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) of_o[n][i] *= stale[i / 2];

    wait_for_copies<1>();
    __syncthreads();
    multiply_rows(of_o, s, values);
    __syncthreads();  // all have read the values
  }

#pragma unroll
  for (int row = 0; row < 2; ++row) {
    const float sum = row_sum(total[row]);
    if (query[row] >= T) continue;
    const float inverse = sum == 0 ? 0.0f : 1.0f / sum;
    bf16* const to = o + (static_cast<std::int64_t>(b) * T + query[row]) * H * D + h * D;
#pragma unroll
    for (int n = 0; n < D_blocks; ++n)
      *reinterpret_cast<std::uint32_t*>(to + n * 8 + 2 * t) =
          pack_bf16(of_o[n][2 * row] * inverse, of_o[n][2 * row + 1] * inverse);
    if (t == 0) lse[head * T + query[row]] = (top[row] + log2f(sum)) * ln_2;
  }
}

}  // namespace kernel

/// o [B*T, H*D] and lse [B,H,T] from q [B,H,T,D], k and v [B,KV,T,D]. A query that sees no key gets o = 0 and
/// lse = -infinity. Any T.
template <class Mask, int H, int KV, int D, class Tile = AttentionTile<D>>
void attention_forward(Device& device, Rows<bf16, H * D> o, float* lse, const bf16* q, const bf16* k, const bf16* v,
                       AttentionBatch batch) {
  static_assert(D == 32 || D == 64 || D == 128, "longsky: a head on the GPU has 32, 64 or 128 dims");
  static_assert(H % KV == 0, "longsky: the number of key heads must divide the number of heads");
  const std::int64_t tiles = (batch.context + Tile::queries - 1) / Tile::queries;
  launch(device, {tiles * batch.sequences * H, Tile::threads}, kernel::attention_forward<Mask, H, KV, D, Tile>, o.data,
         lse, q, k, v, batch);
}

}  // namespace longsky::cuda
