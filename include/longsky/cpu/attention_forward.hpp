// longsky/cpu/attention_forward.hpp — flash attention, forward: o = softmax(q k^T / sqrt(D), masked) v, one pass over
// the keys with a running maximum (Milakov & Gimelshein 2018; Dao et al. 2022).
//
//   s = q k^T - m,  p = 2^s,  l += sum of p,  o += p v;  where a score rises more than 16 above m: m rises to it,
//   and l and o are multiplied by 2^(old m - new m)
//
// Scores are kept turned, keys down and queries across: maximum, exponential, sum and rescaling are plain vector
// instructions, one lane a query, and no lane's bits depend on another lane. Exponents are to base 2; 1/sqrt(D) and
// 1/ln 2 are folded into q. A stale maximum costs no accuracy: p may reach 2^16, far from overflow.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/cpu/attention_tile.hpp>
#include <longsky/cpu/device.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

namespace longsky::cpu {

/// One tile of queries of one head on its way over the keys.
template <class Mask, int D>
class ForwardTile {
 public:
  static constexpr int queries = 4 * tile_unit;
  static constexpr int keys = 2 * tile_unit;

  /// Takes queries [first, first + count) of q [T, D].
  ForwardTile(const float* q, int first, int count, SequencePlaces places)
      : first_(first), count_(count), places_(places) {
    const float scale = std::numbers::log2e_v<float> / std::sqrt(static_cast<float>(D));
    for (int p = 0; p * panel_width < count; ++p) {
      turn_to_panel<D>(q_[p], q + std::int64_t{first + p * panel_width} * D, width(p), scale);
      std::fill_n(o_[p], D * panel_width, 0.0f);
      std::fill_n(maximum_[p], panel_width, 0.0f);
      std::fill_n(sum_[p], panel_width, 0.0f);
    }
  }

  /// Adds the keys [first_key, first_key + n) of k and v [T, D].
  void visit(const float* k, const float* v, int first_key, int n) {
    for (int p = 0; p * panel_width < count_; ++p) {
      const int query = first_ + p * panel_width, last_query = query + width(p) - 1;
      const int seen = std::min(n, last_query + 1 - first_key);
      if (seen <= 0) continue;
      const Cover cover = Mask::cover(places_.range(query, last_query), places_.range(first_key, first_key + seen - 1));
      if (cover == Cover::none) continue;
      const float* tile_k = k + std::int64_t{first_key} * D;
      if (cover == Cover::some || !soften_if_in_range(p, tile_k, seen)) {
        score(p, tile_k, seen);
        if (cover == Cover::some) hide(p, first_key, seen);
        soften(p, seen);
      }
      gather(p, v + std::int64_t{first_key} * D, seen);
    }
  }

  /// Writes the rows of o (stride apart) and of lse. A query that saw no key gets o = 0, lse = -infinity.
  void finish(float* o, std::int64_t stride, float* lse) {
    alignas(64) float rows[std::size_t{panel_width * D}];
    for (int p = 0; p * panel_width < count_; ++p) {
      for (int c = 0; c < panel_width; c += vec_width) {
        const Vec total = load(sum_[p] + c);
        const Vec inverse = 1.0f / (total == 0.0f ? broadcast(1.0f) : total);
        for (int d = 0; d < D; ++d) store(o_[p] + d * panel_width + c, load(o_[p] + d * panel_width + c) * inverse);
        for (int d = 0; d < D; d += vec_width)
          transpose_square(rows + c * D + d, D, o_[p] + d * panel_width + c, panel_width, 1.0f);
      }
      for (int i = 0; i < width(p); ++i) {
        const int t = p * panel_width + i;
        std::copy_n(rows + i * D, D, o + t * stride);
        lse[t] = (maximum_[p][i] + std::log2(sum_[p][i])) * std::numbers::ln2_v<float>;
      }
    }
  }

 private:
  static constexpr int panels = queries / panel_width;
  static constexpr float hidden = -1e30f;  // a score that no query sees: 2^hidden is exactly zero
  static constexpr float in_range = 16.0f;

  int width(int p) const { return std::min(panel_width, count_ - p * panel_width); }

  template <class Finish>
  [[gnu::always_inline]] void score(int p, const float* k, int n, const Finish& finish) {
    const float* m = maximum_[p];
    multiply_panel<panel_vectors, Layout::rows>(
        n, D, k, D, q_[p],
        panel_width, [&](int, int v) __attribute__((always_inline)) { return -load(m + v * vec_width); }, finish);
  }
  void score(int p, const float* k, int n) {
    score(
        p, k,
        n, [&](int i, int v, Vec s) __attribute__((always_inline)) { store(s_ + i * panel_width + v * vec_width, s); });
  }

  /// Scores and exponentials in one go, while the scores are in registers. Returns false, with nothing but the scores'
  /// room touched, if a query has no maximum yet or its maximum must rise.
  bool soften_if_in_range(int p, const float* k, int n) {
    Vec total[panel_vectors], top[panel_vectors] = {};
    Vec least = broadcast(1.0f);
    for (int v = 0; v < panel_vectors; ++v) {
      total[v] = load(sum_[p] + v * vec_width);
      least = total[v] < least ? total[v] : least;
    }
    if (-maximum(-least) == 0.0f) return false;
    score(
        p, k, n, [&](int i, int v, Vec s) __attribute__((always_inline)) {
          const Vec e = exp2(s);
          store(s_ + i * panel_width + v * vec_width, e);
          total[v] += e;
          top[v] = max(top[v], s);
        });
    Vec highest = top[0];
    for (int v = 1; v < panel_vectors; ++v) highest = max(highest, top[v]);
    if (maximum(highest) > in_range) return false;
    for (int v = 0; v < panel_vectors; ++v) store(sum_[p] + v * vec_width, total[v]);
    return true;
  }

  void hide(int p, int first_key, int n) {
    const int query = first_ + p * panel_width, valid = width(p);
    std::int32_t document[panel_width] = {};
    for (int i = 0; i < valid; ++i) document[i] = places_[query + i].document;
    for (int j = 0; j < n; ++j) {
      const TokenPlace key = places_[first_key + j];
      float* s = s_ + j * panel_width;
      for (int i = 0; i < panel_width; ++i)
        s[i] = Mask::visible(TokenPlace{query + i, document[i]}, key) ? s[i] : hidden;
    }
  }

  /// The general way: maxima first, then exponentials. Lanes whose maximum stays get the bits of the way above.
  void soften(int p, int n) {
    for (int v = 0; v < panel_vectors; ++v) {
      float* s = s_ + v * vec_width;
      Vec top = broadcast(hidden);
      for (int j = 0; j < n; ++j) top = max(top, load(s + j * panel_width));
      Vec total = load(sum_[p] + v * vec_width);
      const auto is_new = total == 0.0f;
      const Vec rise = (is_new ? top > 0.5f * hidden : top > in_range) ? top : Vec{};
      store(maximum_[p] + v * vec_width, load(maximum_[p] + v * vec_width) + rise);
      const Vec rescale = is_new ? broadcast(1.0f) : exp2(-rise);
      total *= rescale;
      for (int d = 0; d < D; ++d) {
        float* o = o_[p] + d * panel_width + v * vec_width;
        store(o, load(o) * rescale);
      }
      for (int j = 0; j < n; ++j) {
        const Vec e = exp2(load(s + j * panel_width) - rise);
        store(s + j * panel_width, e);
        total += e;
      }
      store(sum_[p] + v * vec_width, total);
    }
  }

  void gather(int p, const float* v, int n) {
    float* o = o_[p];
    multiply_panel<panel_vectors, Layout::columns>(
        D, n, v, D, s_, panel_width,
        [&](int i, int c) __attribute__((always_inline)) { return load(o + i * panel_width + c * vec_width); },
        [&](int i, int c, Vec sum) __attribute__((always_inline)) { store(o + i * panel_width + c * vec_width, sum); });
  }

  int first_, count_;
  SequencePlaces places_;
  alignas(64) float q_[panels][std::size_t{D * panel_width}];  // [D, queries of the panel]
  alignas(64) float o_[panels][std::size_t{D * panel_width}];
  alignas(64) float maximum_[panels][panel_width];  // 0 until a query has seen a key
  alignas(64) float sum_[panels][panel_width];
  alignas(64) float s_[keys * panel_width];  // [keys, queries of the panel]
};

/// Causal attention under a mask policy. q [B,H,T,D]; k, v [B,KV,T,D]; H / KV query heads share a key head.
/// Writes o [B*T, H*D] and lse [B,H,T], the natural logarithm of each softmax's denominator.
template <class Mask, int H, int KV, int D>
void attention_forward(Device& device, Rows<float, H * D> o, float* lse, const float* q, const float* k, const float* v,
                       AttentionBatch batch) {
  static_assert(MaskPolicy<Mask> && H % KV == 0);
  static_assert(D % 16 == 0, "longsky: a head must be a multiple of 16 wide");
  using Tile = ForwardTile<Mask, D>;
  const std::int64_t T = batch.context, heads = batch.sequences * H, tiles = (T + Tile::queries - 1) / Tile::queries;
  parallel_queue(device.threads(), heads * tiles, [&](std::int64_t item, std::int64_t) {
    const std::int64_t head = item / tiles, b = head / H, h = head % H;
    const auto first = static_cast<int>((tiles - 1 - item % tiles) * Tile::queries);  // the longest rows first
    const int count = std::min(Tile::queries, batch.context - first);
    const std::int64_t kv_offset = (b * KV + h / (H / KV)) * T * D;
    Tile tile(q + head * T * D, first, count, batch.places(b));
    for (int key = 0; key < first + count; key += Tile::keys) {
      const int n = std::min(Tile::keys, first + count - key), n_next = std::min(Tile::keys, first + count - key - n);
      prefetch_rows<D>(k + kv_offset + (std::int64_t{key} + n) * D, n_next);
      prefetch_rows<D>(v + kv_offset + (std::int64_t{key} + n) * D, n_next);
      tile.visit(k + kv_offset, v + kv_offset, key, n);
    }
    tile.finish(o[b * T + first] + h * D, H * D, lse + head * T + first);
  });
}

}  // namespace longsky::cpu
