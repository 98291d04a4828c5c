// longsky/cuda/attention_tile.cuh — what attention's passes share: rows on their way into shared memory, and
// factors on their way from there into registers.
#pragma once

#include <longsky/core/config.hpp>
#include <longsky/core/half.hpp>
#include <longsky/cuda/arithmetic.cuh>
#include <longsky/cuda/device.cuh>
#include <longsky/cuda/matrix.cuh>
#include <longsky/cuda/shared.cuh>
#include <longsky/cuda/warp.cuh>
#include <longsky/spec/attention.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace longsky::cuda {

/// Rows that a block owns, `row_blocks` times 16 a warp, and rows of the other side that it takes at a time.
template <int Warps, int RowBlocks, int Walked>
struct AttentionWalkTile {
  static constexpr int warps = Warps, threads = Warps * warp_size, row_blocks = RowBlocks;
  static constexpr int owned = Warps * RowBlocks * 16, walked = Walked;
};

/// Bytes of what blocks walk over, keys and values or queries and their gradients, that all heads together may have at
/// a time. Blocks of one head read the same, and should find it in the GPU's second-level cache: an H100's has 50 MB,
/// of which this leaves a third to what they own and to the tiles that come and go.
inline constexpr std::int64_t walked_in_cache = std::int64_t{32} << 20;

/// The grid of attention: `tiles` of each of `heads` * `share` heads, where `share` heads walk over the same
/// `bytes` bytes. A layer is as many heads as keep what they walk over within `in_cache`, at least `share`; it begins
/// with the first tile of each of them. The last layer may be short: kernel::head_of_block.
inline Grid attention_grid(std::int64_t heads, int share, std::int64_t bytes, std::int64_t tiles, int threads,
                           std::size_t shared, std::int64_t in_cache) {
  const std::int64_t most = std::clamp(in_cache / std::max<std::int64_t>(bytes, 1), std::int64_t{1},
                                       std::max<std::int64_t>(heads, 1)),
                     layers = (heads + most - 1) / most;
  const std::int64_t at_once = layers == 0 ? 0 : (heads + layers - 1) / layers;  // layers of one size
  return {at_once * share, threads, shared, tiles, layers};
}

/// The tiles of attention in bfloat16: of queries that walk over keys, forward; of keys that walk over queries and of
/// queries that walk over keys, backward. The more rows a warp owns and walks over, the fewer times it loads a piece of
/// a tile; these are the most whose sums stay in registers: forward and of queries one of D columns and scores, of keys
/// two. A block has no more than 99 KiB of shared memory, which every GPU from compute capability 8.0 on gives it.
template <int D>
struct AttentionTiles {
  static constexpr std::int64_t in_cache = walked_in_cache;
  using Forward = AttentionWalkTile<4, 2, 64>;
  using Keys = std::conditional_t<D == 128, AttentionWalkTile<4, 1, 48>, AttentionWalkTile<4, 2, 32>>;
  using Queries = AttentionWalkTile<4, 2, 32>;
};

namespace kernel {

/// Who walks: a tile of queries over keys, or in the backward pass of keys over queries or of queries over keys.
enum class Walker { forward, backward_keys, backward_queries };

/// The rows of the other side that a tile of its walker's walks over: from the first of a tile to one behind a tile.
/// Inside it, a run of tiles [whole, behind_whole) that are known to be shown whole and to have all their rows.
struct Walk {
  int first, behind, whole = 0, behind_whole = 0;

  __device__ bool shows_all(int from) const { return (from >= whole) & (from < behind_whole); }
};

/// The head of this block, in attention_grid's order; the last layer may have blocks beyond the last head.
inline __device__ unsigned head_of_block() { return blockIdx.z * gridDim.x + blockIdx.x; }

/// Where tile `tile` of sequence `b` has its walk in AttentionBatch::bounds [3, sequences, context, 4], of which a
/// sequence uses as many as it has tiles.
LONGSKY_HD inline std::int64_t bounds_place(const AttentionBatch& batch, Walker walker, std::int64_t b, int tile) {
  return 4 * ((static_cast<std::int64_t>(walker) * batch.sequences + b) * batch.context + tile);
}

/// The walk of a tile as attention_bounds found it, or else `all`.
inline __device__ Walk walk_of(const AttentionBatch& batch, Walker walker, std::int64_t b, int tile, Walk all) {
  if (!batch.bounds) return all;
  const std::int64_t at = bounds_place(batch, walker, b, tile);
  return {batch.bounds[at], batch.bounds[at + 1], batch.bounds[at + 2], batch.bounds[at + 3]};
}

/// What the causal limit alone leaves of a sequence of T tokens to a tile of the rows [first, last].
template <int Walked>
__device__ Walk causal_walk(Walker walker, int first, int last, int T) {
  const int behind = walker == Walker::backward_keys ? T - 1 : last;
  return {walker == Walker::backward_keys ? first / Walked * Walked : 0, (behind / Walked + 1) * Walked};
}

/// Threads of a multiprocessor whose registers are as many as a thread can name: its blocks of so many in all are what
/// a kernel is compiled for that needs them.
inline constexpr int all_registers = 256;

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
  constexpr unsigned chunks = Swizzle<D>::chunks, at_once = Threads / chunks;  // rows
  static_assert(Threads % chunks == 0 && Rows % at_once == 0);
  const unsigned thread = opaque(threadIdx.x), row = thread / chunks, at = thread % chunks;
  const bf16* const of_own = from + first * stride + (row * static_cast<unsigned>(stride) + at * 8);
  const int left = end - first - static_cast<int>(row);
#pragma unroll
  for (int i = 0; i < Rows / static_cast<int>(at_once); ++i) {
    const int down = i * static_cast<int>(at_once);
    to.copy_async(row + static_cast<unsigned>(down), at, of_own + down * stride, down < left);
  }
}

/// Begins to copy numbers [first, first + N) of `from`; zeros from `end` on, or where there are none.
template <int Threads, class T, int N>
__device__ void copy_numbers(Shared<T, N>& to, const T* from, int first, int end) {
  static_assert(N <= Threads);
  const int i = static_cast<int>(opaque(threadIdx.x));
  const bool there = from && first + i < end;
  if (i < N) to.copy_async(i, there ? from + first + i : from, there);
}

/// The places of a tile's tokens, as a mask asks for them pair by pair.
template <int N>
struct SharedPlaces {
  Shared<std::int32_t, N> documents;

  template <int Threads>
  __device__ void copy(const SequencePlaces& places, int first, int end) {
    copy_numbers<Threads>(documents, opaque(places.documents), first, end);
  }
  __device__ TokenPlace at(int first, int i) { return {first + i, documents[i]}; }
};

/// A[16, 16]: rows from `row` and columns from 16 * step of a tile.
template <int Rows, int D>
__device__ void load_a(std::uint32_t (&a)[4], SharedTile<Rows, D>& tile, unsigned lane, int row, int step) {
  tile.template load_matrices<false>(a, static_cast<unsigned>(row) + lane % 16, lane / 16, static_cast<unsigned>(step));
}

/// A[16, 16]: columns from 16 * block and rows from 16 * step of a tile that holds the factor turned.
template <int Rows, int D>
__device__ void load_a_turned(std::uint32_t (&a)[4], SharedTile<Rows, D>& tile, unsigned lane, int block, int step) {
  tile.template load_matrices<true>(a, static_cast<unsigned>(step) * 16 + lane % 8 + lane / 16 * 8, lane / 8 % 2,
                                    static_cast<unsigned>(block));
}

/// Two B[16, 8] side by side, whose columns are rows of the tile from `row` on: for products with the tile turned.
template <int Rows, int D>
__device__ void load_b_turned(std::uint32_t (&b)[4], SharedTile<Rows, D>& tile, unsigned lane, int row, int step) {
  tile.template load_matrices<false>(b, static_cast<unsigned>(row) + lane % 8 + lane / 16 * 8, lane / 8 % 2,
                                     static_cast<unsigned>(step));
}

/// Two B[16, 8] side by side: rows from `row` and columns from 16 * pair of the tile.
template <int Rows, int D>
__device__ void load_b(std::uint32_t (&b)[4], SharedTile<Rows, D>& tile, unsigned lane, int row, int pair) {
  tile.template load_matrices<true>(b, static_cast<unsigned>(row) + lane % 16, lane / 16, static_cast<unsigned>(pair));
}

/// Sums of a product, rounded: the factors A of the next one, steps of 16 columns.
template <int R, int N>
struct Factors {
  std::uint32_t a[std::size_t{N / 2}][std::size_t{R}][4];

  /// Two neighbours of column block n, row lane / 4 of half a row block.
  __device__ std::uint32_t pair(int r, int n, int half) const { return a[n / 2][r][n % 2 * 2 + half]; }
};

/// Sums of a warp: R blocks of 16 rows, one below the other, of N blocks of 8 columns.
template <int R, int N>
struct Sums {
  float block[std::size_t{R}][std::size_t{N}][4] = {};

  /// c += a b with two B[16, 8] side by side, the columns from 16 * pair on.
  __device__ void add(const std::uint32_t (&a)[std::size_t{R}][4], const std::uint32_t (&b)[4], int pair) {
#pragma unroll
    for (int r = 0; r < R; ++r) {
      multiply_add(block[r][2 * pair], a[r], b[0], b[1]);
      multiply_add(block[r][2 * pair + 1], a[r], b[2], b[3]);
    }
  }

  __device__ Factors<R, N> rounded() const {
    Factors<R, N> factors;
#pragma unroll
    for (int r = 0; r < R; ++r)
#pragma unroll
      for (int n = 0; n < N; ++n)
#pragma unroll
        for (int half = 0; half < 2; ++half)
          factors.a[n / 2][r][n % 2 * 2 + half] = pack_bf16(block[r][n][2 * half], block[r][n][2 * half + 1]);
    return factors;
  }

  /// body(row, column, value) for each element that this lane holds, counted from the warp's first row and column.
  template <class Body>
  __device__ void for_each(const Body& body) {
    const int lane = static_cast<int>(opaque_lane());
#pragma unroll
    for (int r = 0; r < R; ++r)
#pragma unroll
      for (int n = 0; n < N; ++n)
#pragma unroll
        for (int i = 0; i < 4; ++i) body(r * 16 + lane / 4 + i / 2 * 8, n * 8 + lane % 4 * 2 + i % 2, block[r][n][i]);
  }
};

/// c += a b^T: 16 R rows of a tile from `row` on, times all rows of another. Each piece of b is loaded once for all R.
template <int R, int N, int RowsA, int RowsB, int D>
__device__ void multiply_turned(Sums<R, N>& c, SharedTile<RowsA, D>& a, int row, SharedTile<RowsB, D>& b) {
  static_assert(N * 8 == RowsB);
  const unsigned lane = opaque_lane();
#pragma unroll
  for (int step = 0; step < D / 16; ++step) {
    std::uint32_t of_a[std::size_t{R}][4];
#pragma unroll
    for (int r = 0; r < R; ++r) load_a(of_a[r], a, lane, row + r * 16, step);
#pragma unroll
    for (int pair = 0; pair < N / 2; ++pair) {
      std::uint32_t of_b[4];
      load_b_turned(of_b, b, lane, pair * 16, step);
      c.add(of_a, of_b, pair);
    }
  }
}

/// c += a b: sums of another product times all rows of a tile.
template <int R, int N, int Rows, int D>
__device__ void multiply_rows(Sums<R, D / 8>& c, const Factors<R, N>& a, SharedTile<Rows, D>& b) {
  static_assert(N * 8 == Rows);
  const unsigned lane = opaque_lane();
#pragma unroll
  for (int step = 0; step < N / 2; ++step) {
#pragma unroll
    for (int pair = 0; pair < D / 16; ++pair) {
      std::uint32_t of_b[4];
      load_b(of_b, b, lane, step * 16, pair);
      c.add(a.a[step], of_b, pair);
    }
  }
}

/// Writes what a lane holds of a warp's rows from `first` on, where they lie before `end`; row i is at i * stride.
template <int R, int N>
__device__ void store_rows(bf16* to, std::int64_t stride, const Sums<R, N>& sums, int first, int end,
                           const float (&scale)[std::size_t{R}][2]) {
  const int lane = static_cast<int>(threadIdx.x) % warp_size;
#pragma unroll
  for (int r = 0; r < R; ++r)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = first + r * 16 + lane / 4 + half * 8;
      if (row >= end) continue;
#pragma unroll
      for (int n = 0; n < N; ++n)
        *reinterpret_cast<std::uint32_t*>(to + row * stride + n * 8 + lane % 4 * 2) =
            pack_bf16(sums.block[r][n][2 * half] * scale[r][half], sums.block[r][n][2 * half + 1] * scale[r][half]);
    }
}
template <int R, int N>
__device__ void store_rows(bf16* to, std::int64_t stride, const Sums<R, N>& sums, int first, int end, float scale) {
  float of_rows[std::size_t{R}][2];
#pragma unroll
  for (int r = 0; r < R; ++r) of_rows[r][0] = of_rows[r][1] = scale;
  store_rows(to, stride, sums, first, end, of_rows);
}

}  // namespace kernel

}  // namespace longsky::cuda
