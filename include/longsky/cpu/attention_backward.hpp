// longsky/cpu/attention_backward.hpp — flash attention, backward: the probabilities are computed again, tile by tile.
//
//   p = exp(q k^T / sqrt(D) - lse),  delta = sum over d of do * o,  ds = p (do v^T - delta) / sqrt(D)
//   dv = p^T do,  dk = ds^T q,  dq = ds k
//
// One item of work is a tile of keys: it owns its rows of dk and dv, and adds to dq only after the tile before it has:
// so dq is summed in the order of the keys whatever the number of threads, and the tiles run as a pipeline.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/cpu/attention_tile.hpp>
#include <longsky/cpu/device.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <new>
#include <numbers>
#include <thread>

namespace longsky::cpu {

/// One tile of keys and values on its way over the queries.
template <class Mask, int D>
class BackwardTile {
 public:
  static constexpr int keys = 2 * tile_unit;
  static constexpr int queries = tile_unit;

  /// A block of queries of one head: q and d_o [count, D], its log-sum-exp to base 2, and delta / sqrt(D).
  struct Queries {
    const float *q, *d_o;
    const float *lse2, *delta;
    int first, count;
  };

  /// Takes keys [first, first + count) of k and v [T, D].
  BackwardTile(const float* k, const float* v, int first, int count, SequencePlaces places)
      : k_(k + std::int64_t{first} * D), first_(first), count_(count), places_(places) {
    const float scale = 1.0f / std::sqrt(static_cast<float>(D));
    for (int c = 0; c < count; c += panel_width) {
      const int width = std::min(panel_width, count - c);
      turn_to_panel<D>(kt_ + c * D, k_ + c * D, width, scale * std::numbers::log2e_v<float>);
      turn_to_panel<D>(vt_ + c * D, v + (std::int64_t{first} + c) * D, width, scale);
    }
    std::fill_n(dk_, count * D, 0.0f);
    std::fill_n(dv_, count * D, 0.0f);
  }

  /// Adds a block of queries to dk and dv. Returns false if none of them sees a key of this tile.
  bool visit(const Queries& block) {
    const int last_query = block.first + block.count - 1;
    seen_ = std::min(count_, last_query + 1 - first_);
    if (seen_ <= 0) return false;
    const Cover cover = Mask::cover(places_.range(block.first, last_query), places_.range(first_, first_ + seen_ - 1));
    if (cover == Cover::none) return false;
    for (int c = 0; c < seen_; c += panel_width) {
      soften(block, c);
      if (cover == Cover::some) hide(block, c);
      differentiate(block, c);
    }
    multiply_add<D, Layout::columns>(dv_, seen_, block.count, p_, keys, block.d_o);
    multiply_add<D, Layout::columns>(dk_, seen_, block.count, ds_, keys, block.q);
    return true;
  }

  /// dq [count, D] of the block just visited += its part from this tile.
  void add_dq(float* dq, int count) const { multiply_add<D, Layout::rows>(dq, count, seen_, ds_, keys, k_); }

  void finish(float* dk, float* dv) const {
    std::copy_n(dk_, count_ * D, dk + std::int64_t{first_} * D);
    std::copy_n(dv_, count_ * D, dv + std::int64_t{first_} * D);
  }

 private:
  void soften(const Queries& block, int c) {
    multiply_panel<panel_vectors, Layout::rows>(
        block.count, D, block.q, D, kt_ + c * D,
        panel_width, [&](int i, int) __attribute__((always_inline)) { return broadcast(-block.lse2[i]); },
        [&](int i, int v, Vec s) __attribute__((always_inline)) { store(p_ + i * keys + c + v * vec_width, exp2(s)); });
  }

  void hide(const Queries& block, int c) {
    const int n = std::min(panel_width, seen_ - c);
    for (int i = 0; i < block.count; ++i) {
      const TokenPlace query = places_[block.first + i];
      float* p = p_ + i * keys + c;
      for (int j = 0; j < n; ++j) p[j] = Mask::visible(query, places_[first_ + c + j]) ? p[j] : 0.0f;
    }
  }

  void differentiate(const Queries& block, int c) {
    multiply_panel<panel_vectors, Layout::rows>(
        block.count, D, block.d_o, D, vt_ + c * D,
        panel_width, [&](int i, int) __attribute__((always_inline)) { return broadcast(-block.delta[i]); },
        [&](int i, int v, Vec dp) __attribute__((always_inline)) {
          const int at = i * keys + c + v * vec_width;
          store(ds_ + at, load(p_ + at) * dp);
        });
  }

  const float* k_;
  int first_, count_, seen_ = 0;
  SequencePlaces places_;
  alignas(64) float kt_[std::size_t{D * keys}];  // [keys / panel_width][D][panel_width]
  alignas(64) float vt_[std::size_t{D * keys}];
  alignas(64) float dk_[std::size_t{keys * D}];
  alignas(64) float dv_[std::size_t{keys * D}];
  alignas(64) float p_[queries * keys];
  alignas(64) float ds_[queries * keys];
};

/// Of the way back: a count for each tile of keys, and lse and delta of each query.
template <class Mask, int D>
constexpr ScratchPlan attention_backward_scratch(std::int64_t sequences, std::int64_t T, std::int64_t H,
                                                 std::int64_t KV) {
  const std::int64_t tiles = (T + BackwardTile<Mask, D>::keys - 1) / BackwardTile<Mask, D>::keys;
  ScratchPlan plan;
  plan[Scratch::attention] = 2 * sequences * (H * T + KV * tiles);
  return plan;
}

/// The way back through attention_forward. Writes dq [B,H,T,D], dk and dv [B,KV,T,D]. o and lse are forward's results.
template <class Mask, int H, int KV, int D>
void attention_backward(Device& device, float* dq, float* dk, float* dv, Rows<const float, H * D> d_o,
                        Rows<const float, H * D> o, const float* lse, const float* q, const float* k, const float* v,
                        AttentionBatch batch) {
  static_assert(MaskPolicy<Mask> && H % KV == 0);
  static_assert(D % 16 == 0, "longsky: a head must be a multiple of 16 wide");
  using Tile = BackwardTile<Mask, D>;
  constexpr int group = H / KV;
  const std::int64_t T = batch.context, heads = batch.sequences * H, units = batch.sequences * KV;
  const std::int64_t tiles = (T + Tile::keys - 1) / Tile::keys, blocks = (T + Tile::queries - 1) / Tile::queries;

  float* scratch = device.scratch(Scratch::attention,
                                  attention_backward_scratch<Mask, D>(batch.sequences, T, H, KV)[Scratch::attention]);
  // Steps done by each tile of keys: (head of the group, block of queries) in one count.
  auto* done = new (scratch) std::atomic<std::int64_t>[static_cast<std::size_t>(units * tiles)];
  float* lse2 = scratch + 2 * units * tiles;
  float* delta = lse2 + heads * T;

  parallel_for(device.threads(), heads * blocks, [&](std::int64_t item) {
    const std::int64_t head = item / blocks, b = head / H, h = head % H;
    const std::int64_t first = item % blocks * Tile::queries, last = std::min(T, first + Tile::queries);
    const float scale = 1.0f / std::sqrt(static_cast<float>(D));
    for (std::int64_t t = first; t < last; ++t) {
      Vec product = zero();
      for (int d = 0; d < D; d += vec_width)
        product += load(d_o[b * T + t] + h * D + d) * load(o[b * T + t] + h * D + d);
      delta[head * T + t] = sum(product) * scale;
      lse2[head * T + t] = std::max(lse[head * T + t] * std::numbers::log2e_v<float>, -1e30f);
    }
    std::fill(dq + (head * T + first) * D, dq + (head * T + last) * D, 0.0f);
  });
  for (std::int64_t i = 0; i < units * tiles; ++i) done[i].store(0, std::memory_order_relaxed);

  // Items are begun in order, so a tile never waits for one that nobody has begun.
  parallel_queue(device.threads(), units * tiles, [&](std::int64_t item, std::int64_t) {
    alignas(64) float d_o_block[Tile::queries * D];
    const std::int64_t unit = item % units, j = item / units, b = unit / KV;
    const auto first = static_cast<int>(j * Tile::keys);
    const int count = std::min(Tile::keys, batch.context - first);
    Tile tile(k + unit * T * D, v + unit * T * D, first, count, batch.places(b));
    for (int g = 0; g < group; ++g) {
      const std::int64_t h = unit % KV * group + g, head = b * H + h;
      for (std::int64_t i = first / Tile::queries; i < blocks; ++i) {
        const auto query = static_cast<int>(i * Tile::queries);
        const int rows = std::min(Tile::queries, batch.context - query);
        for (int r = 0; r < rows; ++r) std::copy_n(d_o[b * T + query + r] + h * D, D, d_o_block + r * D);
        const std::int64_t at = head * T + query;
        const int next_rows = std::min(Tile::queries, batch.context - query - rows);
        prefetch_rows<D>(d_o[b * T + query + rows] + h * D, next_rows, H * D);
        prefetch_rows<D>(q + (at + rows) * D, next_rows);
        prefetch_rows<D>(dq + (at + rows) * D, next_rows);
        const bool seen = tile.visit({q + at * D, d_o_block, lse2 + at, delta + at, query, rows});
        const std::int64_t step = g * blocks + i;
        if (j > 0)
          while (done[(j - 1) * units + unit].load(std::memory_order_acquire) <= step) std::this_thread::yield();
        if (seen) tile.add_dq(dq + at * D, rows);
        done[item].store(step + 1, std::memory_order_release);
      }
    }
    tile.finish(dk + unit * T * D, dv + unit * T * D);
  });
}

}  // namespace longsky::cpu
