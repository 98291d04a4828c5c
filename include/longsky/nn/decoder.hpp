// longsky/nn/decoder.hpp — the whole network: embedding, blocks, norm, head. It owns activations, never weights.
//
//   x_0 = scale * E[tokens];   x_{l+1} = block_l(x_l);   loss = cross-entropy(rmsnorm(x_L) W_head^T, targets)
//
// Losses are summed over trained tokens; the caller divides once, by the number of trained tokens of the whole step.
#pragma once

#include <longsky/core/buffer.hpp>
#include <longsky/core/params.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/nn/block.hpp>
#include <longsky/nn/pass.hpp>
#include <longsky/spec/model.hpp>
#include <longsky/spec/position.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace longsky {

/// Keeps every activation of the forward pass.
struct KeepActivations {
  static constexpr bool recomputes = false;
};

/// Keeps each block's input and computes the block again in the backward pass: one block's activations instead of all.
struct RecomputeBlocks {
  static constexpr bool recomputes = true;
};

/// What a network is made of: the model's numbers and its policies. Anything with these members will do.
template <ModelSpec M, class LayerList, class MaskPolicy, class PrecisionPolicy, class RecomputePolicy = KeepActivations>
struct Net {
  static constexpr ModelSpec model = checked(M);
  using Layers = LayerList;
  using Mask = MaskPolicy;
  using Precision = PrecisionPolicy;
  using Recompute = RecomputePolicy;
};

/// The order of all parameters in one flat vector: embedding, blocks, final norm, head (absent when tied).
template <class Net>
struct WeightLayout {
  static constexpr ModelSpec m = Net::model;
  using Block = longsky::Block<Net>;

  static constexpr auto outer = [] {
    if constexpr (m.tied)
      return params("embedding"_n = matrix<m.vocab, m.width>, "final_norm"_n = ones<m.width>);
    else
      return params("embedding"_n = matrix<m.vocab, m.width>, "final_norm"_n = ones<m.width>,
                    "head"_n = matrix<m.vocab, m.width>);
  }();
  using Outer = View<std::remove_const_t<decltype(outer)>>;

  static constexpr std::int64_t parameters = outer.parameters + m.layers * Block::parameters;
  static constexpr std::int64_t size = outer.size + m.layers * Block::weights;  ///< floats, padding included

  static constexpr float* block(float* weights, int layer) { return weights + outer.size + layer * Block::weights; }

  /// Calls f(entry, layer, offset) for every parameter; layer is -1 outside the blocks.
  template <class F>
  static void for_each(F&& f) {
    outer.for_each([&](auto entry, std::int64_t at) { f(entry, -1, at); });
    for (int layer = 0; layer < m.layers; ++layer)
      Block::for_each_parameter(
          [&](auto entry, std::int64_t at) { f(entry, layer, outer.size + layer * Block::weights + at); });
  }
};

/// Floats of activations and scratch that a Decoder of `Net` owns for passes of up to `tokens` tokens.
template <class Net>
constexpr std::int64_t decoder_arena_floats(std::int64_t tokens) {
  constexpr int C = Net::model.width, layers = Net::model.layers;
  constexpr std::int64_t kept = Net::Recompute::recomputes ? 1 : layers;
  // saved and scratch, the stream between blocks, hidden and its two gradients, 1/rms and losses
  constexpr std::int64_t per_token = kept * Block<Net>::saved + Block<Net>::scratch + (layers + 1 + 3) * C + 2;
  return (tokens + 15) / 16 * 16 * per_token;
}

/// Forward and backward passes of `Net` on `Device`, for passes of at most `capacity` tokens.
template <class Net, class Device>
class Decoder {
 public:
  static constexpr ModelSpec m = Net::model;
  static constexpr int C = m.width, V = m.vocab;
  using Layout = WeightLayout<Net>;
  using Block = longsky::Block<Net>;
  using Precision = typename Net::Precision;

  Decoder(Device& device, std::int64_t capacity, const RopeSpec& rope, int positions)
      : device_(device), capacity_(capacity), rope_table_(static_cast<std::size_t>(positions) * m.head_dim()) {
    arena_ = Buffer<float>(static_cast<std::size_t>(decoder_arena_floats<Net>(capacity)));
    fill_rope_table(rope_table_.span(), rope, m.head_dim());
  }

  int positions() const { return static_cast<int>(rope_table_.size()) / m.head_dim(); }
  std::int64_t capacity() const { return capacity_; }

  /// Per-token losses (0 where nothing is trained) [N]; `best` [N], when given, receives the most likely token.
  std::span<const float> forward(std::span<float> weights, Pass pass, std::int32_t* best = nullptr) {
    body(weights.data(), pass, /*keep=*/false);
    const std::int64_t n = pass.count();
    cross_entropy_forward<Precision, V, C>(device_, losses(n), best, hidden(n), pass.targets, head(weights.data()));
    return {losses(n), static_cast<std::size_t>(n)};
  }

  /// As `forward`, and adds scale * d(sum of losses)/d(weights) to `gradients`.
  std::span<const float> forward_backward(std::span<float> weights, std::span<float> gradients, Pass pass, float scale) {
    pass.rope_table = rope_table_.data();
    const std::int64_t n = pass.count();
    float* w = weights.data();
    float* dw = gradients.data();
    const typename Layout::Outer outer{w, 1}, d_outer{dw, 1};
    body(w, pass, /*keep=*/true);

    const Rows<float, C> dh{extra(n) + n * C, n}, dx{extra(n) + 2 * n * C, n};
    cross_entropy_forward_backward<Precision, V, C>(device_, losses(n), dh, head(dw), hidden(n), pass.targets, head(w),
                                                    scale);
    fill_zero(device_, {dx.data, static_cast<std::size_t>(dx.size())});
    rmsnorm_backward<C>(device_, dx, d_outer["final_norm"_n], dh, stream(m.layers, n), final_r(n), outer["final_norm"_n]);
    for (int layer = m.layers - 1; layer >= 0; --layer) {
      float* block_weights = Layout::block(w, layer);
      if constexpr (Net::Recompute::recomputes)
        Block::forward(device_, pass, block_weights, saved(layer, n), scratch(n), dh, stream(layer, n));
      Block::backward(device_, pass, block_weights, Layout::block(dw, layer), saved(layer, n), scratch(n), dx,
                      stream(layer, n));
    }
    embedding_backward<C>(device_, {d_outer["embedding"_n], V}, pass.tokens, dx, m.embedding_scale);
    return {losses(n), static_cast<std::size_t>(n)};
  }

  /// Reads a prompt into `cache` and writes the logits after its last token to `logits` [V].
  void prefill(std::span<float> weights, Pass pass, float* cache, int capacity, float* logits) {
    pass.rope_table = rope_table_.data();
    const std::int64_t n = pass.count();
    float* w = weights.data();
    const typename Layout::Outer outer{w, 1};
    embedding_forward<C>(device_, stream(0, n), pass.tokens, {outer["embedding"_n], V}, m.embedding_scale);
    for (int layer = 0; layer < m.layers; ++layer) {
      Block::forward(device_, pass, Layout::block(w, layer), saved(0, n), scratch(n), stream(layer + 1, n),
                     stream(layer, n));
      Block::keep(cache + layer * Block::cache * capacity, saved(0, n), static_cast<int>(n), pass.context, capacity);
    }
    last_logits(w, stream(m.layers, n).slice(n - 1, 1), logits);
  }

  /// One token at `position` against `cache`; writes the logits for its successor.
  void decode(std::span<float> weights, std::int32_t token, std::int32_t position, float* cache, int capacity,
              float* logits) {
    float* w = weights.data();
    const typename Layout::Outer outer{w, 1};
    const std::int32_t none = -1, document = 0;
    const Pass pass{{&token, 1}, {&none, 1}, {&document, 1}, {&position, 1}, 1, rope_table_.data()};
    embedding_forward<C>(device_, stream(0, 1), pass.tokens, {outer["embedding"_n], V}, m.embedding_scale);
    for (int layer = 0; layer < m.layers; ++layer)
      Block::decode(device_, pass, Layout::block(w, layer), saved(0, 1), scratch(1),
                    cache + layer * Block::cache * capacity, capacity, stream(layer + 1, 1), stream(layer, 1));
    last_logits(w, stream(m.layers, 1), logits);
  }

  /// Floats of a decoding cache for sequences of up to `capacity` tokens.
  static constexpr std::int64_t cache_floats(int capacity) { return m.layers * Block::cache * capacity; }

 private:
  static constexpr std::int64_t padded(std::int64_t tokens) { return (tokens + 15) / 16 * 16; }

  void body(float* w, Pass& pass, bool keep) {
    pass.rope_table = rope_table_.data();
    const std::int64_t n = pass.count();
    const typename Layout::Outer outer{w, 1};
    embedding_forward<C>(device_, stream(0, n), pass.tokens, {outer["embedding"_n], V}, m.embedding_scale);
    for (int layer = 0; layer < m.layers; ++layer)
      Block::forward(device_, pass, Layout::block(w, layer), saved(keep ? layer : 0, n), scratch(n), stream(layer + 1, n),
                     stream(layer, n));
    rmsnorm_forward<C>(device_, hidden(n), final_r(n), stream(m.layers, n), outer["final_norm"_n], m.norm_eps);
  }

  void last_logits(float* w, Rows<float, C> x, float* logits) {
    const typename Layout::Outer outer{w, 1};
    const Rows<float, C> h = hidden(1);
    rmsnorm_forward<C>(device_, h, final_r(1), x, outer["final_norm"_n], m.norm_eps);
    linear_forward<Precision, V, C>(device_, {logits, 1}, h, head(w), nullptr, nullptr);
  }

  static float* head(float* w) {
    const typename Layout::Outer outer{w, 1};
    if constexpr (m.tied)
      return outer["embedding"_n];
    else
      return outer["head"_n];
  }

  // The arena for n tokens: saved activations, scratch, the stream between blocks, then hidden, dh, dx, r and losses.
  // Offsets depend on the live n, so a short pass is as compact as a long one.
  float* saved(int layer, std::int64_t n) {
    return arena_.data() + (Net::Recompute::recomputes ? 0 : layer) * Block::saved * padded(n);
  }
  float* scratch(std::int64_t n) {
    return arena_.data() + (Net::Recompute::recomputes ? 1 : m.layers) * Block::saved * padded(n);
  }
  Rows<float, C> stream(int layer, std::int64_t n) {
    return {scratch(n) + (Block::scratch + std::int64_t{layer} * C) * padded(n), n};
  }
  float* extra(std::int64_t n) { return stream(m.layers + 1, n).data; }
  Rows<float, C> hidden(std::int64_t n) { return {extra(n), n}; }
  float* final_r(std::int64_t n) { return extra(n) + 3 * C * padded(n); }
  float* losses(std::int64_t n) { return final_r(n) + padded(n); }

  Device& device_;
  std::int64_t capacity_;
  Buffer<float> rope_table_;
  Buffer<float> arena_;
};

}  // namespace longsky
