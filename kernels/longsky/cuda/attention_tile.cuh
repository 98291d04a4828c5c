// longsky/cuda/attention_tile.cuh — what attention's passes share: rows on their way into shared memory, and
// factors on their way from there into registers.
#pragma once

#include <longsky/core/config.hpp>
#include <longsky/core/half.hpp>
#include <longsky/cuda/matrix.cuh>
#include <longsky/cuda/warp.cuh>
#include <longsky/spec/attention.hpp>

#include <cmath>
#include <cstdint>

namespace longsky::cuda {

namespace kernel {

/// Who walks: a tile of queries over keys, or in the backward pass of keys over queries or of queries over keys.
enum class Walker { forward, backward_keys, backward_queries };

/// The rows of the other side that a tile of its walker's walks over: from the first of a tile to one behind a tile.
struct Walk {
  int first, behind;
};

/// Where tile `tile` of sequence `b` has its walk in AttentionBatch::bounds [3, sequences, context, 2], of which a
/// sequence uses as many as it has tiles.
LONGSKY_HD inline std::int64_t bounds_place(const AttentionBatch& batch, Walker walker, std::int64_t b, int tile) {
  return 2 * ((static_cast<std::int64_t>(walker) * batch.sequences + b) * batch.context + tile);
}

/// The walk of a tile as attention_bounds found it, or else `all`.
inline __device__ Walk walk_of(const AttentionBatch& batch, Walker walker, std::int64_t b, int tile, Walk all) {
  if (!batch.bounds) return all;
  const std::int64_t at = bounds_place(batch, walker, b, tile);
  return {batch.bounds[at], batch.bounds[at + 1]};
}

/// What the causal limit alone leaves of a sequence of T tokens to a tile of the rows [first, last].
template <int Walked>
__device__ Walk causal_walk(Walker walker, int first, int last, int T) {
  const int behind = walker == Walker::backward_keys ? T - 1 : last;
  return {walker == Walker::backward_keys ? first / Walked * Walked : 0, (behind / Walked + 1) * Walked};
}

inline constexpr float log2_e = 1.44269504f, ln_2 = 0.693147181f;

/// The largest, or the sum, over the four lanes that share a row of C.
inline __device__ float row_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(all_lanes, x, 1));
  return fmaxf(x, __shfl_xor_sync(all_lanes, x, 2));
}
inline __device__ float row_sum(float x) {
  x += __shfl_xor_sync(all_lanes, x, 1);
  return x + __shfl_xor_sync(all_lanes, x, 2);
}

/// Begins to copy the rows [first, first + Rows) of `from`, `stride` elements apart; zeros from row `end` on.
template <int Threads, int Rows, int D>
__device__ void copy_rows(SharedTile<Rows, D>& to, const bf16* from, std::int64_t stride, int first, int end) {
  constexpr int chunks = SharedTile<Rows, D>::chunks;
  static_assert(Rows * chunks % Threads == 0);
#pragma unroll
  for (int i = 0; i < Rows * chunks / Threads; ++i) {
    const int place = i * Threads + static_cast<int>(threadIdx.x), row = place / chunks, at = place % chunks;
    const bool there = first + row < end;
    to.copy_async(row, at, from + (there ? (first + row) * stride + at * 8 : 0), there);
  }
}

/// A[16, 16]: rows from `row` and columns from 16 * step of a tile.
template <int Rows, int D>
__device__ void load_a(std::uint32_t (&a)[4], SharedTile<Rows, D>& tile, int row, int step) {
  const int lane = static_cast<int>(threadIdx.x) % warp_size;
  tile.template load_matrices<false>(a, row + lane % 16, 2 * step + lane / 16);
}

/// Two B[16, 8] side by side, whose columns are rows of the tile from `row` on: for products with the tile turned.
template <int Rows, int D>
__device__ void load_b_turned(std::uint32_t (&b)[4], SharedTile<Rows, D>& tile, int row, int step) {
  const int lane = static_cast<int>(threadIdx.x) % warp_size;
  tile.template load_matrices<false>(b, row + lane % 8 + lane / 16 * 8, 2 * step + lane / 8 % 2);
}

/// Two B[16, 8] side by side: rows from `row` and columns from 16 * pair of the tile.
template <int Rows, int D>
__device__ void load_b(std::uint32_t (&b)[4], SharedTile<Rows, D>& tile, int row, int pair) {
  const int lane = static_cast<int>(threadIdx.x) % warp_size;
  tile.template load_matrices<true>(b, row + lane % 16, 2 * pair + lane / 16);
}

/// Sums of one product, columns from 16 * step, as the factor A of the next.
template <int N>
__device__ void as_factor(std::uint32_t (&a)[4], const float (&c)[N][4], int step) {
  a[0] = pack_bf16(c[2 * step][0], c[2 * step][1]);
  a[1] = pack_bf16(c[2 * step][2], c[2 * step][3]);
  a[2] = pack_bf16(c[2 * step + 1][0], c[2 * step + 1][1]);
  a[3] = pack_bf16(c[2 * step + 1][2], c[2 * step + 1][3]);
}

/// c[16, 8 N] += a[16, D of the tile] times rows [0, 8 N) of a tile, turned; a is the tile of another 16 rows.
template <int N, int RowsA, int RowsB, int D>
__device__ void multiply_turned(float (&c)[N][4], SharedTile<RowsA, D>& a, int row, SharedTile<RowsB, D>& b) {
#pragma unroll
  for (int step = 0; step < D / 16; ++step) {
    std::uint32_t of_a[4];
    load_a(of_a, a, row, step);
#pragma unroll
    for (int pair = 0; pair < N / 2; ++pair) {
      std::uint32_t of_b[4];
      load_b_turned(of_b, b, pair * 16, step);
      multiply_add(c[2 * pair], of_a, of_b[0], of_b[1]);
      multiply_add(c[2 * pair + 1], of_a, of_b[2], of_b[3]);
    }
  }
}

/// sum[16, D] += c[16, 8 N] times rows [0, 8 N) of a tile.
template <int N, int Rows, int D>
__device__ void multiply_rows(float (&sum)[D / 8][4], const float (&c)[N][4], SharedTile<Rows, D>& tile) {
#pragma unroll
  for (int step = 0; step < N / 2; ++step) {
    std::uint32_t a[4];
    as_factor(a, c, step);
#pragma unroll
    for (int pair = 0; pair < D / 16; ++pair) {
      std::uint32_t b[4];
      load_b(b, tile, step * 16, pair);
      multiply_add(sum[2 * pair], a, b[0], b[1]);
      multiply_add(sum[2 * pair + 1], a, b[2], b[3]);
    }
  }
}

/// Writes the two rows of `sum` that a lane holds, where they lie before `end`; row i of the output is at i * D.
template <int D>
__device__ void store_rows(bf16* to, const float (&sum)[D / 8][4], int first, int end, float scale) {
  const int lane = static_cast<int>(threadIdx.x) % warp_size;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = first + lane / 4 + half * 8;
    if (row >= end) continue;
#pragma unroll
    for (int n = 0; n < D / 8; ++n)
      *reinterpret_cast<std::uint32_t*>(to + static_cast<std::int64_t>(row) * D + n * 8 + lane % 4 * 2) =
          pack_bf16(sum[n][2 * half] * scale, sum[n][2 * half + 1] * scale);
  }
}

}  // namespace kernel

}  // namespace longsky::cuda
