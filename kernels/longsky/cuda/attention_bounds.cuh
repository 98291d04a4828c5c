// longsky/cuda/attention_bounds.cuh — where each tile's walk over the other side begins and ends, found once a batch
// for all layers, forward and backward.
//
// A document mask hides most tiles of a long sequence. Asking it tile by tile in every block of every layer costs time
// in proportion to the square of the context; with the ends known, a block only walks over what it may see. Inside
// a walk there may be hidden tiles still, which the kernels skip: results are the same bits with and without bounds.
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
  Walk walk{all.behind, all.first};  // nothing seen yet
  for (int from = all.first + lane * Walked; from < all.behind; from += warp_size * Walked) {
    const TokenRange other = places.range(from, std::min(T, from + Walked) - 1);
    const Cover cover = walker == Walker::backward_keys ? Mask::cover(other, owned) : Mask::cover(owned, other);
    if (cover == Cover::none) continue;
    walk.first = std::min(walk.first, from);
    walk.behind = std::max(walk.behind, from + Walked);
  }
#pragma unroll
  for (int apart = warp_size / 2; apart > 0; apart /= 2) {
    walk.first = std::min(walk.first, __shfl_xor_sync(all_lanes, walk.first, apart));
    walk.behind = std::max(walk.behind, __shfl_xor_sync(all_lanes, walk.behind, apart));
  }
  if (lane != 0) return;
  const std::int64_t at = bounds_place(batch, walker, b, tile);
  bounds[at] = walk.first;
  bounds[at + 1] = walk.behind;
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
