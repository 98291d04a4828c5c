// longsky/cpu/attention_forward.hpp — flash attention, forward: o = softmax(q k^T / sqrt(D), masked) v, one pass over the
// keys with a running maximum (Milakov & Gimelshein 2018; Dao et al. 2022).
//
//   m' = max(m, max over the tile of s),  p = 2^(s - m'),  l = l 2^(m - m') + sum of p,  o = o 2^(m - m') + p v
//
// Scores are kept turned, keys down and queries across: maximum, exponential, sum and rescaling are plain vector
// instructions, one lane a query. Exponents are to base 2; 1/sqrt(D) and 1/ln 2 are folded into q.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/cpu/attention_tile.hpp>
#include <longsky/cpu/device.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

namespace longsky::cpu {

/// One tile of queries of one head on its way over the keys.
template <class Mask, int D>
class ForwardTile {
 public:
  static constexpr int panels = 8;
  static constexpr int queries = panels * panel_width;
  static constexpr int keys = 128;

  /// Takes queries [first, first + count) of q [T, D].
  ForwardTile(const float* q, int first, int count, SequencePlaces places) : first_(first), count_(count), places_(places) {
    constexpr float to_base_2 = std::numbers::log2e_v<float>;
    const float scale = to_base_2 / std::sqrt(static_cast<float>(D));
    for (int p = 0; p * panel_width < count; ++p) {
      turn_to_panel<D>(q_[p], q + std::int64_t{first + p * panel_width} * D, width(p), scale);
      std::fill_n(o_[p], D * panel_width, 0.0f);
      std::fill_n(maximum_[p], panel_width, lowest);
      std::fill_n(sum_[p], panel_width, 0.0f);
    }
  }

  /// Adds the keys [first_key, first_key + n) of k and v [T, D].
  void visit(const float* k, const float* v, int first_key, int n) {
    for (int p = 0; p * panel_width < count_; ++p) {
      const int query = first_ + p * panel_width, last_query = query + width(p) - 1;
      const int seen = std::min(n, last_query + 1 - first_key);
      if (seen <= 0) continue;
      const Cover cover =
          Mask::cover(places_.range(query, last_query), places_.range(first_key, first_key + seen - 1));
      if (cover == Cover::none) continue;
      score(p, k + std::int64_t{first_key} * D, seen);
      if (cover == Cover::some) hide(p, first_key, seen);
      Vec rescale[2];
      soften(p, seen, rescale);
      gather(p, v + std::int64_t{first_key} * D, seen, rescale);
    }
  }

  /// Writes the rows of o (stride apart) and of lse. A query that saw no key gets o = 0, lse = -infinity.
  void finish(float* o, std::int64_t stride, float* lse) {
    alignas(64) float rows[panel_width * D];
    for (int p = 0; p * panel_width < count_; ++p) {
      for (int c = 0; c < panel_width; c += vec_width) {
        const Vec total = load(sum_[p] + c);
        const Vec inverse = total > 0.0f ? 1.0f / total : total;
        for (int d = 0; d < D; ++d)
          store(o_[p] + d * panel_width + c, load(o_[p] + d * panel_width + c) * inverse);
        for (int d = 0; d < D; d += vec_width)
          transpose_square(rows + c * D + d, D, o_[p] + d * panel_width + c, panel_width, 1.0f);
      }
      for (int i = 0; i < width(p); ++i) {
        const int t = p * panel_width + i;
        std::copy_n(rows + i * D, D, o + t * stride);
        lse[t] = sum_[p][i] == 0.0f ? -std::numeric_limits<float>::infinity()
                                    : (maximum_[p][i] + std::log2(sum_[p][i])) * std::numbers::ln2_v<float>;
      }
    }
  }

 private:
  static constexpr float hidden = -1e30f;  // a score that no query sees; 2^(hidden - lowest) is exactly zero
  static constexpr float lowest = -1e29f;  // a maximum before any score

  int width(int p) const { return std::min(panel_width, count_ - p * panel_width); }

  void score(int p, const float* k, int n) {
    multiply_panel<2, Layout::rows>(
        n, D, k, D, q_[p], panel_width, [](int, int) __attribute__((always_inline)) { return Vec{}; },
        [&](int i, int v, Vec s) __attribute__((always_inline)) { store(s_ + i * panel_width + v * vec_width, s); });
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

  void soften(int p, int n, Vec (&rescale)[2]) {
    constexpr int chains = 4;  // independent sums and maxima, so that latency hides
    const int whole = n / chains * chains;
    for (int v = 0; v < 2; ++v) {
      float* s = s_ + v * vec_width;
      const Vec before = load(maximum_[p] + v * vec_width);
      Vec top[chains] = {before, before, before, before};
      for (int j = 0; j < whole; j += chains)
        for (int c = 0; c < chains; ++c) top[c] = max(top[c], load(s + (j + c) * panel_width));
      for (int j = whole; j < n; ++j) top[0] = max(top[0], load(s + j * panel_width));
      const Vec now = max(max(top[0], top[1]), max(top[2], top[3]));
      rescale[v] = exp2(before - now);
      store(maximum_[p] + v * vec_width, now);

      Vec total[chains] = {load(sum_[p] + v * vec_width) * rescale[v]};
      const auto soft = [&](int j) __attribute__((always_inline)) {
        const Vec e = exp2(load(s + j * panel_width) - now);
        store(s + j * panel_width, e);
        return e;
      };
      for (int j = 0; j < whole; j += chains)
        for (int c = 0; c < chains; ++c) total[c] += soft(j + c);
      for (int j = whole; j < n; ++j) total[0] += soft(j);
      store(sum_[p] + v * vec_width, (total[0] + total[1]) + (total[2] + total[3]));
    }
  }

  void gather(int p, const float* v, int n, const Vec (&rescale)[2]) {
    float* o = o_[p];
    multiply_panel<2, Layout::columns>(
        D, n, v, D, s_, panel_width,
        [&](int i, int c) __attribute__((always_inline)) {
          return load(o + i * panel_width + c * vec_width) * rescale[c];
        },
        [&](int i, int c, Vec sum) __attribute__((always_inline)) {
          store(o + i * panel_width + c * vec_width, sum);
        });
  }

  int first_, count_;
  SequencePlaces places_;
  alignas(64) float q_[panels][D * panel_width];  // [D, queries of the panel]
  alignas(64) float o_[panels][D * panel_width];
  alignas(64) float maximum_[panels][panel_width];
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
  parallel_for(device.threads(), heads * tiles, [&](std::int64_t item) {
    const std::int64_t head = item % heads, b = head / H, h = head % H;
    const auto first = static_cast<int>((tiles - 1 - item / heads) * Tile::queries);  // the longest rows first
    const int count = std::min(Tile::queries, batch.context - first);
    const std::int64_t kv_offset = (b * KV + h / (H / KV)) * T * D;
    Tile tile(q + head * T * D, first, count, {batch.documents ? batch.documents + b * T : nullptr});
    for (int key = 0; key < first + count; key += Tile::keys)
      tile.visit(k + kv_offset, v + kv_offset, key, std::min(Tile::keys, first + count - key));
    tile.finish(o[b * T + first] + h * D, H * D, lse + head * T + first);
  });
}

}  // namespace longsky::cpu
