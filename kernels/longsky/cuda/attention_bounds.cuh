// longsky/cuda/attention_bounds.cuh — where each tile's walk over the other side begins and ends, and which of it is
// shown whole; found once a batch for all layers, forward and backward.
//
// A document mask hides most tiles of a long sequence. Asking it tile by tile in every block of every layer costs time
// in proportion to the square of the context; with the ends known, a block only walks over what it may see. Of the
// longest run of tiles that are shown whole, nothing is asked and no document is read. Outside of that run there may be
// hidden tiles, which the kernels skip, and whole ones: results are the same bits with and without bounds.
#pragma once

#include <longsky/cuda/attention_float.cuh>
#include <longsky/cuda/attention_tile.cuh>
#include <longsky/cuda/launch.cuh>

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace longsky::cuda {

namespace kernel {

/// The walks of one kind of tiles of `Owned` rows over tiles of `Walked`: a warp each.
template <class Mask, int Owned, int Walked>
__global__ void attention_bounds(std::int32_t* __restrict__ bounds, Walker walker, AttentionBatch batch) {
  const int T = batch.context, tiles = (T + Owned - 1) / Owned, lane = static_cast<int>(threadIdx.x) % warp_size;
  const std::int64_t warp = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / warp_size;
  if (warp >= batch.sequences * tiles) return;
  const std::int64_t b = warp / tiles;
  const int tile = static_cast<int>(warp % tiles), first = tile * Owned, last = std::min(T, first + Owned) - 1;
  const SequencePlaces places = batch.places(b);
  const TokenRange owned = places.range(first, last);

  const Walk all = causal_walk<Walked>(walker, first, last, T);
  // Rows behind the end must be hidden pair by pair. A query there is not stored, forward and from queries.
  const bool may_be_whole = walker != Walker::backward_keys || first + Owned <= T;
  Walk walk{all.behind, all.first};  // nothing seen yet
  int run = 0, longest = 0;          // of tiles that are shown whole, the same in all lanes
  for (int of_warp = all.first; of_warp < all.behind; of_warp += warp_size * Walked) {
    const int from = of_warp + lane * Walked;
    Cover cover = Cover::none;
    if (from < all.behind) {
      const TokenRange other = places.range(from, std::min(T, from + Walked) - 1);
      cover = walker == Walker::backward_keys ? Mask::cover(other, owned) : Mask::cover(owned, other);
    }
    if (cover != Cover::none) {
      walk.first = std::min(walk.first, from);
      walk.behind = std::max(walk.behind, from + Walked);
    }
    const unsigned whole = __ballot_sync(all_lanes, cover == Cover::all && may_be_whole && from + Walked <= T);
    for (int i = 0; i < warp_size; ++i) {
      run = whole >> i & 1 ? run + 1 : 0;
      if (run <= longest) continue;
      longest = run;
      walk.behind_whole = of_warp + (i + 1) * Walked;
    }
  }
  walk.whole = walk.behind_whole - longest * Walked;
#pragma unroll
  for (int apart = warp_size / 2; apart > 0; apart /= 2) {
    walk.first = std::min(walk.first, __shfl_xor_sync(all_lanes, walk.first, apart));
    walk.behind = std::max(walk.behind, __shfl_xor_sync(all_lanes, walk.behind, apart));
  }
  if (lane != 0) return;
  const std::int64_t at = bounds_place(batch, walker, b, tile);
  bounds[at] = walk.first;
  bounds[at + 1] = walk.behind;
  bounds[at + 2] = walk.whole;
  bounds[at + 3] = walk.behind_whole;
}

}  // namespace kernel

/// Writes what AttentionBatch::bounds may then point to, for attention of elements T with this mask and these tiles:
/// Device::attention_bounds_size(sequences * context) elements. A tile that sees nothing has an empty walk.
template <class Mask, int H, int KV, int D, class T,
          class Tiles = std::conditional_t<std::is_same_v<T, float>, AttentionFloatTiles, AttentionTiles<D>>>
void attention_bounds(Device& device, std::int32_t* bounds, AttentionBatch batch) {
  constexpr int threads = 128, warps = threads / warp_size;
  const auto find = [&]<class Tile>(kernel::Walker walker, Tile) {
    const std::int64_t tiles = batch.sequences * ((batch.context + Tile::owned - 1) / Tile::owned);
    launch(device, {(tiles + warps - 1) / warps, threads}, kernel::attention_bounds<Mask, Tile::owned, Tile::walked>,
           bounds, walker, batch);
  };
  find(kernel::Walker::forward, typename Tiles::Forward());
  find(kernel::Walker::backward_keys, typename Tiles::Keys());
  find(kernel::Walker::backward_queries, typename Tiles::Queries());
}

}  // namespace longsky::cuda
