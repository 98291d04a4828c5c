// longsky/nn/decoder.hpp — the whole network: embedding, blocks, norm, head. It owns activations, never weights.
//
//   x_0 = scale * E[tokens];   x_{l+1} = block_l(x_l);   loss = cross-entropy(rmsnorm(x_L) W_head^T, targets)
//
// Losses are summed over trained tokens; the caller divides once, by the number of trained tokens of the whole step.
#pragma once

#include <longsky/core/params.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/core/stop.hpp>
#include <longsky/nn/block.hpp>
#include <longsky/spec/attention.hpp>
#include <longsky/spec/model.hpp>
#include <longsky/spec/pass.hpp>
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

/// What a network is made of: the model's numbers, its policies, and what a device stores weights and activations in.
/// Anything with these members will do.
template <ModelSpec M, class LayerList, class MaskPolicy, class PrecisionPolicy,
          class RecomputePolicy = KeepActivations, class ElementType = float>
struct Net {
  static constexpr ModelSpec model = checked(M);
  using Layers = LayerList;
  using Mask = MaskPolicy;
  using Precision = PrecisionPolicy;
  using Recompute = RecomputePolicy;
  using Element = ElementType;
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
  template <class T>
  using Outer = View<std::remove_const_t<decltype(outer)>, T>;

  static constexpr std::int64_t parameters = outer.parameters + m.layers * Block::parameters;
  static constexpr std::int64_t size = outer.size + m.layers * Block::weights;  ///< elements, padding included

  template <class T>
  static constexpr T* block(T* weights, int layer) {
    return weights + outer.size + layer * Block::weights;
  }

  /// Calls f(entry, layer, offset) for every parameter; layer is -1 outside the blocks.
  template <class F>
  static void for_each(F&& f) {
    outer.for_each([&](auto entry, std::int64_t at) { f(entry, -1, at); });
    for (int layer = 0; layer < m.layers; ++layer)
      Block::for_each_parameter(
          [&](auto entry, std::int64_t at) { f(entry, layer, outer.size + layer * Block::weights + at); });
  }
};

/// Elements of activations and scratch that a Decoder of `Net` owns for passes of up to `tokens` tokens.
template <class Net>
constexpr std::int64_t decoder_arena_size(std::int64_t tokens) {
  constexpr int C = Net::model.width, layers = Net::model.layers;
  constexpr std::int64_t kept = Net::Recompute::recomputes ? 1 : layers;
  constexpr std::int64_t statistics = 2 * (sizeof(float) / sizeof(typename Net::Element));  // 1/rms and losses
  // saved and scratch, the stream between blocks, hidden and its two gradients
  constexpr std::int64_t per_token = kept * Block<Net>::saved + Block<Net>::scratch + (layers + 1 + 3) * C + statistics;
  return padded_tokens(tokens) * per_token;
}

/// Forward and backward passes of `Net` on `Device`, for passes of at most `capacity` tokens. Weights, gradients,
/// passes and results are the device's; `stage` brings it a pass of the host's. A pass of many tokens throws
/// Error(stopped) soon after a stop was asked for (core/stop.hpp): what it was to write is then not whole.
template <class Net, class Device>
class Decoder {
 public:
  static constexpr ModelSpec m = Net::model;
  static constexpr int C = m.width, V = m.vocab;
  using T = typename Net::Element;
  using Layout = WeightLayout<Net>;
  using Block = longsky::Block<Net>;
  using Precision = typename Net::Precision;
  template <class E>
  using Outer = typename Layout::template Outer<E>;

  Decoder(Device& device, std::int64_t capacity, const RopeSpec& rope, int positions)
      : device_(device),
        capacity_(capacity),
        rope_table_(static_cast<std::size_t>(positions) * m.head_dim()),
        arena_(static_cast<std::size_t>(decoder_arena_size<Net>(capacity))),
        attention_bounds_(static_cast<std::size_t>(Device::attention_bounds_size(capacity))),
        staging_(device, capacity) {
    if constexpr (Device::shares_host_memory) {
      fill_rope_table(rope_table_.span(), rope, m.head_dim());
    } else {
      std::vector<float> table(static_cast<std::size_t>(positions) * m.head_dim());
      fill_rope_table(table, rope, m.head_dim());
      device.upload(rope_table_.data(), table.data(), static_cast<std::int64_t>(table.size()));
    }
  }

  int positions() const { return static_cast<int>(rope_table_.size()) / m.head_dim(); }
  std::int64_t capacity() const { return capacity_; }

  /// The pass where the device reads it, in the order of what is queued. Valid until the next one is staged.
  Pass stage(const Pass& pass) { return staging_.put(pass); }

  /// Per-token losses (0 where nothing is trained) [N]; `best` [N], when given, receives the most likely token.
  std::span<const float> forward(std::span<T> weights, Pass pass, std::int32_t* best = nullptr) {
    const Abandonable scope;
    body(weights.data(), pass, /*keep=*/false);
    const std::int64_t n = pass.count();
    cross_entropy_forward<Precision, V, C>(device_, losses(n), best, hidden(n), pass.targets, head(weights.data()));
    heed_stop(in_a_pass);
    return {losses(n), static_cast<std::size_t>(n)};
  }

  /// As `forward`, and adds scale * d(sum of losses)/d(weights) to `gradients`.
  std::span<const float> forward_backward(std::span<T> weights, std::span<float> gradients, Pass pass, float scale) {
    const std::int64_t n = pass.count();
    T* w = weights.data();
    float* dw = gradients.data();
    const Outer<T> outer{w, 1};
    const Outer<float> d_outer{dw, 1};
    const Abandonable scope;
    body(w, pass, /*keep=*/true);

    const Rows<T, C> dh{extra(n) + padded_tokens(n) * C, n}, dx{extra(n) + 2 * padded_tokens(n) * C, n};
    cross_entropy_forward_backward<Precision, V, C>(device_, losses(n), dh, head(dw), hidden(n), pass.targets, head(w),
                                                    scale);
    fill_zero(device_, std::span<T>(dx.data, static_cast<std::size_t>(dx.size())));
    rmsnorm_backward<C>(device_, dx, d_outer["final_norm"_n], dh, stream(m.layers, n), final_r(n),
                        outer["final_norm"_n]);
    for (int layer = m.layers - 1; layer >= 0; --layer) {
      heed_stop(in_a_pass);
      T* block_weights = Layout::block(w, layer);
      if constexpr (Net::Recompute::recomputes)
        Block::forward(device_, pass, block_weights, saved(layer, n), scratch(n), dh, stream(layer, n));
      Block::backward(device_, pass, block_weights, Layout::block(dw, layer), saved(layer, n), scratch(n), dx,
                      stream(layer, n));
    }
    embedding_backward<C>(device_, Rows<float, C>{d_outer["embedding"_n], V}, pass.tokens, dx, m.embedding_scale);
    heed_stop(in_a_pass);
    return {losses(n), static_cast<std::size_t>(n)};
  }

  /// Reads a prompt into `cache` and writes the logits after its last token to `logits` [V].
  void prefill(std::span<T> weights, Pass pass, T* cache, int capacity, float* logits) {
    const std::int64_t n = pass.count();
    T* w = weights.data();
    const Abandonable scope;
    prepare(pass);
    find_attention_bounds(pass);
    embed(w, pass);
    for (int layer = 0; layer < m.layers; ++layer) {
      heed_stop(in_a_pass);
      Block::forward(device_, pass, Layout::block(w, layer), saved(0, n), scratch(n), stream(layer + 1, n),
                     stream(layer, n));
      Block::keep(device_, cache + layer * Block::cache * capacity, saved(0, n), pass.context, capacity);
    }
    last_logits(w, stream(m.layers, n).slice(n - 1, 1), logits);
    heed_stop(in_a_pass);
  }

  /// The staged token of `pass`, which is at `index` of its sequence, against `cache`; writes the logits for its
  /// successor.
  void decode(std::span<T> weights, Pass pass, int index, T* cache, int capacity, float* logits) {
    T* w = weights.data();
    prepare(pass);
    embed(w, pass);
    for (int layer = 0; layer < m.layers; ++layer)
      Block::decode(device_, pass, index, Layout::block(w, layer), saved(0, 1), scratch(1),
                    cache + layer * Block::cache * capacity, capacity, stream(layer + 1, 1), stream(layer, 1));
    last_logits(w, stream(m.layers, 1), logits);
  }

  /// Elements of a decoding cache for sequences of up to `capacity` tokens.
  static constexpr std::int64_t cache_size(int capacity) { return m.layers * Block::cache * capacity; }

 private:
  static constexpr const char* in_a_pass = "computing a pass";

  void prepare(Pass& pass) { pass.rope_table = rope_table_.data(); }

  // Once a pass, for all layers forward and backward.
  void find_attention_bounds(Pass& pass) {
    if constexpr (Device::attention_bounds_size(1) > 0) {
      const AttentionBatch batch{pass.sequences(), pass.context, pass.documents.data()};
      attention_bounds<typename Net::Mask, m.heads, m.kv_heads, m.head_dim(), T>(device_, attention_bounds_.data(),
                                                                                 batch);
      pass.attention_bounds = attention_bounds_.data();
    }
  }

  void embed(T* w, const Pass& pass) {
    embedding_forward<C>(device_, stream(0, pass.count()), pass.tokens, Rows<T, C>{Outer<T>{w, 1}["embedding"_n], V},
                         m.embedding_scale);
  }

  void body(T* w, Pass& pass, bool keep) {
    const std::int64_t n = pass.count();
    prepare(pass);
    find_attention_bounds(pass);
    embed(w, pass);
    for (int layer = 0; layer < m.layers; ++layer) {
      heed_stop(in_a_pass);
      Block::forward(device_, pass, Layout::block(w, layer), saved(keep ? layer : 0, n), scratch(n),
                     stream(layer + 1, n), stream(layer, n));
    }
    rmsnorm_forward<C>(device_, hidden(n), final_r(n), stream(m.layers, n), Outer<T>{w, 1}["final_norm"_n], m.norm_eps);
  }

  void last_logits(T* w, Rows<T, C> x, float* logits) {
    const Rows<T, C> h = hidden(1);
    rmsnorm_forward<C>(device_, h, final_r(1), x, Outer<T>{w, 1}["final_norm"_n], m.norm_eps);
    linear_forward<Precision, V, C>(device_, Rows<float, V>{logits, 1}, h, head(w), nullptr, nullptr);
  }

  template <class E>
  static E* head(E* w) {
    const Outer<E> outer{w, 1};
    if constexpr (m.tied)
      return outer["embedding"_n];
    else
      return outer["head"_n];
  }

  // The arena for n tokens: saved activations, scratch, the stream between blocks, then hidden, dh, dx, r and losses.
  // Offsets depend on the live n, so a short pass is as compact as a long one.
  T* saved(int layer, std::int64_t n) {
    return arena_.data() + (Net::Recompute::recomputes ? 0 : layer) * Block::saved * padded_tokens(n);
  }
  T* scratch(std::int64_t n) {
    return arena_.data() + (Net::Recompute::recomputes ? 1 : m.layers) * Block::saved * padded_tokens(n);
  }
  Rows<T, C> stream(int layer, std::int64_t n) {
    return {scratch(n) + (Block::scratch + std::int64_t{layer} * C) * padded_tokens(n), n};
  }
  T* extra(std::int64_t n) { return stream(m.layers + 1, n).data; }
  Rows<T, C> hidden(std::int64_t n) { return {extra(n), n}; }
  float* final_r(std::int64_t n) { return reinterpret_cast<float*>(extra(n) + 3 * C * padded_tokens(n)); }
  float* losses(std::int64_t n) { return final_r(n) + padded_tokens(n); }

  Device& device_;
  std::int64_t capacity_;
  typename Device::template Array<float> rope_table_;
  typename Device::template Array<T> arena_;
  typename Device::template Array<std::int32_t> attention_bounds_;  // written anew in each pass
  typename Device::Staging staging_;
};

}  // namespace longsky
