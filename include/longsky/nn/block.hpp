// longsky/nn/block.hpp — a block is a list of layer kinds, each y = x + f(x), applied in order and undone in reverse.
//
// The kinds are a Hana tuple; the number of blocks is a run-time loop. All tables of a block are those of its layers,
// one behind the other.
#pragma once

#include <longsky/core/params.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/nn/attention.hpp>
#include <longsky/nn/feed_forward.hpp>
#include <longsky/nn/pass.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

namespace longsky {

/// The layer kinds of one block, by template: `Layers<Attention, FeedForward>`.
template <template <class> class... Kinds>
struct Layers {
  template <class Net>
  using list = std::tuple<Kinds<Net>...>;
};

/// What a layer must have: tables of weights, of activations saved for the backward pass and of scratch, and two passes.
/// A layer that looks at other tokens also has a table `cache` and the passes `keep` and `decode`; any other decodes by
/// its forward pass.
template <class L>
concept Layer = requires {
  L::params;
  L::saved;
  L::scratch;
  typename L::Weights;
  typename L::Saved;
  typename L::Scratch;
};

/// A layer with a memory of earlier tokens.
template <class L>
concept CachingLayer = Layer<L> && requires {
  L::cache;
  typename L::Cache;
};

/// The layers of one block of `Net`, as one.
template <class Net, class List = typename Net::Layers::template list<Net>>
struct Block;

template <class Net, Layer... L>
struct Block<Net, std::tuple<L...>> {
  static constexpr int C = Net::model.width;
  static constexpr std::size_t layers = sizeof...(L);

  // Offsets of each layer's part; the last element is the whole block's size.
  template <class... Tables>
  static constexpr std::array<std::int64_t, layers + 1> stacked(const Tables&...) {
    std::array<std::int64_t, layers + 1> at{};
    std::size_t i = 0;
    ((at[i + 1] = at[i] + Tables::size, ++i), ...);
    return at;
  }
  template <class Kind>
  static constexpr auto cache_of() {
    if constexpr (CachingLayer<Kind>)
      return Kind::cache;
    else
      return params();
  }
  static constexpr auto weights_at = stacked(L::params...);
  static constexpr auto saved_at = stacked(L::saved...);
  static constexpr auto cache_at = stacked(cache_of<L>()...);

  static constexpr std::int64_t parameters = (std::int64_t{0} + ... + L::params.parameters);
  static constexpr std::int64_t weights = weights_at[layers];                  ///< floats
  static constexpr std::int64_t saved = saved_at[layers] + (layers - 1) * C;   ///< floats per token, inner inputs included
  static constexpr std::int64_t scratch = std::max({std::int64_t{0}, L::scratch.size...});  ///< floats per token
  static constexpr std::int64_t cache = cache_at[layers];                      ///< floats per token of capacity

  /// Calls f(entry, offset) for every parameter of the block.
  template <class F>
  static constexpr void for_each_parameter(F&& f) {
    std::size_t i = 0;
    ((L::params.for_each([&](auto entry, std::int64_t at) { f(entry, weights_at[i] + at); }), ++i), ...);
  }

  template <class Device>
  static void forward(Device& device, const Pass& pass, float* w, float* s, float* t, Rows<float, C> y,
                      Rows<const float, C> x) {
    const std::int64_t n = pass.count();
    each([&]<std::size_t I, class Kind>() {
      Kind::forward(device, pass, {w + weights_at[I], 1}, {s + saved_at[I] * n, n}, {t, n}, after<I>(s, n, y),
                    before<I>(s, n, x));
    });
  }

  /// `dx` comes in as dy and goes out as dx.
  template <class Device>
  static void backward(Device& device, const Pass& pass, float* w, float* dw, float* s, float* t, Rows<float, C> dx,
                       Rows<const float, C> x) {
    const std::int64_t n = pass.count();
    each_reversed([&]<std::size_t I, class Kind>() {
      Kind::backward(device, pass, {w + weights_at[I], 1}, {dw + weights_at[I], 1}, {s + saved_at[I] * n, n}, {t, n}, dx,
                     before<I>(s, n, x));
    });
  }

  static void keep(float* c, float* s, int length, int context, int capacity) {
    each([&]<std::size_t I, class Kind>() {
      if constexpr (CachingLayer<Kind>)
        Kind::keep({c + cache_at[I] * capacity, capacity}, {s + saved_at[I] * context, context}, length, context, capacity);
    });
  }

  template <class Device>
  static void decode(Device& device, const Pass& pass, float* w, float* s, float* t, float* c, int capacity,
                     Rows<float, C> y, Rows<const float, C> x) {
    each([&]<std::size_t I, class Kind>() {
      if constexpr (CachingLayer<Kind>)
        Kind::decode(device, pass, {w + weights_at[I], 1}, {s + saved_at[I], 1}, {t, 1},
                     {c + cache_at[I] * capacity, capacity}, capacity, after<I>(s, 1, y), before<I>(s, 1, x));
      else
        Kind::forward(device, pass, {w + weights_at[I], 1}, {s + saved_at[I], 1}, {t, 1}, after<I>(s, 1, y),
                      before<I>(s, 1, x));
    });
  }

 private:
  // The stream between two layers of a block lives behind their saved activations.
  template <std::size_t I>
  static Rows<float, C> after(float* s, std::int64_t n, Rows<float, C> y) {
    if constexpr (I + 1 == layers)
      return y;
    else
      return {s + (saved_at[layers] + static_cast<std::int64_t>(I) * C) * n, n};
  }
  template <std::size_t I>
  static Rows<const float, C> before(float* s, std::int64_t n, Rows<const float, C> x) {
    if constexpr (I == 0)
      return x;
    else
      return after<I - 1>(s, n, {});
  }

  template <class F>
  static void each(F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f.template operator()<I, std::tuple_element_t<I, std::tuple<L...>>>(), ...);
    }(std::make_index_sequence<layers>{});
  }
  template <class F>
  static void each_reversed(F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f.template operator()<layers - 1 - I, std::tuple_element_t<layers - 1 - I, std::tuple<L...>>>(), ...);
    }(std::make_index_sequence<layers>{});
  }
};

}  // namespace longsky
