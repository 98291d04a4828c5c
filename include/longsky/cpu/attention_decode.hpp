// longsky/cpu/attention_decode.hpp — attention of one new token over the keys and values of all tokens so far.
//
//   o = sum over k of p v / sum over k of p,  p = 2^(q k / (sqrt(D) ln 2) - m)
//
// The cache is cut into fixed chunks whose partial results are joined in order: threads share even a single head.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/cpu/device.hpp>
#include <longsky/cpu/vec.hpp>
#include <longsky/spec/mask.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

namespace longsky::cpu {

/// The share of one chunk of keys in one head's result. `n` keys, `sees(i)` whether key i counts.
template <int D, class Sees>
void attend_chunk(float* o, float& maximum_score, float& total, const float* q, const float* k, const float* v, int n,
                  const Sees& sees) {
  constexpr int chunk = 512, vectors = D / vec_width;
  alignas(64) float p[chunk];
  const float scale = std::numbers::log2e_v<float> / std::sqrt(static_cast<float>(D));
  float top = -1e29f;
  for (int i = 0; i < n; ++i) {
    Vec product = zero();
    for (int d = 0; d < D; d += vec_width) product += load(q + d) * load(k + std::int64_t{i} * D + d);
    p[i] = sees(i) ? sum(product) * scale : -1e30f;
    top = std::max(top, p[i]);
  }
  std::fill(p + n, p + (n + vec_width - 1) / vec_width * vec_width, -1e30f);
  Vec sums = zero();
  for (int i = 0; i < n; i += vec_width) {
    const Vec e = exp2(load(p + i) - top);
    store(p + i, e);
    sums += e;
  }
  Vec out[std::size_t{vectors}] = {};
  for (int i = 0; i < n; ++i)
    for (int d = 0; d < vectors; ++d) out[d] += p[i] * load(v + std::int64_t{i} * D + d * vec_width);
  for (int d = 0; d < vectors; ++d) store(o + d * vec_width, out[d]);
  maximum_score = top;
  total = sum(sums);
}

/// Attention of the query at index length-1, one document. q, o [H,D]; caches [KV, capacity, D], `length` rows filled.
/// A query that sees no key gets o = 0.
template <class Mask, int H, int KV, int D>
void attention_decode(Device& device, float* o, const float* q, const float* k_cache, const float* v_cache, int length,
                      int capacity) {
  static_assert(MaskPolicy<Mask> && H % KV == 0);
  static_assert(D % 16 == 0, "longsky: a head must be a multiple of 16 wide");
  constexpr int chunk = 512, group = H / KV;
  const std::int64_t chunks = (length + chunk - 1) / chunk;
  float* outputs = device.scratch(Scratch::attention, H * chunks * (D + 2));  // [H, chunks, D]
  float* maxima = outputs + H * chunks * D;                                   // [H, chunks]
  float* totals = maxima + H * chunks;
  const TokenPlace query{length - 1, 0};

  parallel_for(device.threads(), KV * chunks, [&](std::int64_t item) {
    const std::int64_t kv = item / chunks, c = item % chunks;
    const int first = static_cast<int>(c) * chunk, n = std::min(chunk, length - first);
    const bool hidden = Mask::cover({query, query}, {{first, 0}, {first + n - 1, 0}}) == Cover::none;
    const std::int64_t offset = (kv * capacity + first) * D;
    const auto sees = [&](int i) { return Mask::visible(query, TokenPlace{first + i, 0}); };
    for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
      const std::int64_t at = h * chunks + c;
      attend_chunk<D>(outputs + at * D, maxima[at], totals[at], q + h * D, k_cache + offset, v_cache + offset,
                      hidden ? 0 : n, sees);
    }
  });

  for (int h = 0; h < H; ++h) {
    const float* maximum_scores = maxima + h * chunks;
    const float top = *std::max_element(maximum_scores, maximum_scores + chunks);
    float total = 0;
    float* out = o + h * D;
    std::fill_n(out, D, 0.0f);
    for (std::int64_t c = 0; c < chunks; ++c) {
      const float weight = std::exp2(maximum_scores[c] - top);
      const float* part = outputs + (h * chunks + c) * D;
      total += totals[h * chunks + c] * weight;
      for (int d = 0; d < D; ++d) out[d] += part[d] * weight;
    }
    const float scale = total == 0 ? 0.0f : 1 / total;  // a query that sees no key
    for (int d = 0; d < D; ++d) out[d] *= scale;
  }
}

}  // namespace longsky::cpu
