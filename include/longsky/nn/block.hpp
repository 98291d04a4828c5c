// longsky/nn/block.hpp — a block is a list of layer kinds, each y = x + f(x), applied in order and undone in reverse.
//
// The kinds are a Hana tuple; the number of blocks is a run-time loop. All tables of a block are those of its layers,
// one behind the other.
#pragma once

#include <longsky/core/params.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/nn/attention.hpp>
#include <longsky/nn/feed_forward.hpp>
#include <longsky/spec/pass.hpp>

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

/// What a layer must have: tables of weights, of activations saved for the backward pass and of scratch, and two
/// passes. A layer that looks at other tokens also has a table `cache` and the passes `keep` and `decode`; any other
/// decodes by its forward pass.
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
  using T = typename Net::Element;

  // Offsets of each layer's part; the last element is the whole block's size.
  template <class... Tables>
  static constexpr std::array<std::int64_t, layers + 1> stacked(const Tables&...) {
    std::array<std::int64_t, layers + 1> at{};
    std::size_t i = 0;
    ((at[i + 1] = at[i] + Tables::template size_in<T>, ++i), ...);
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
  // In elements: of weights, and per token of activations (inner inputs included), scratch and a decoding cache.
  static constexpr std::int64_t weights = weights_at[layers];
  static constexpr std::int64_t saved = saved_at[layers] + (layers - 1) * C;
  static constexpr std::int64_t scratch = std::max({std::int64_t{0}, L::scratch.template size_in<T>...});
  static constexpr std::int64_t cache = cache_at[layers];

  /// Calls f(entry, offset) for every parameter of the block.
  template <class F>
  static constexpr void for_each_parameter(F&& f) {
    std::size_t i = 0;
    ((L::params.for_each([&](auto entry, std::int64_t at) { f(entry, weights_at[i] + at); }), ++i), ...);
  }

  template <class Device>
  static void forward(Device& device, const Pass& pass, T* w, T* s, T* t, Rows<T, C> y, Rows<const T, C> x) {
    const std::int64_t n = padded_tokens(pass.count());
    each([&]<std::size_t I, class Kind>() {
      Kind::forward(device, pass, {w + weights_at[I], 1}, {s + saved_at[I] * n, n}, {t, n}, after<I>(s, y),
                    before<I>(s, x));
    });
  }

  /// `dx` comes in as dy and goes out as dx.
  template <class Device>
  static void backward(Device& device, const Pass& pass, T* w, float* dw, T* s, T* t, Rows<T, C> dx,
                       Rows<const T, C> x) {
    const std::int64_t n = padded_tokens(pass.count());
    each_reversed([&]<std::size_t I, class Kind>() {
      Kind::backward(device, pass, {w + weights_at[I], 1}, {dw + weights_at[I], 1}, {s + saved_at[I] * n, n}, {t, n},
                     dx, before<I>(s, x));
    });
  }

  /// Moves what later tokens will look at from the saved activations of one sequence into the cache `c`.
  template <class Device>
  static void keep(Device& device, T* c, T* s, int context, int capacity) {
    const std::int64_t n = padded_tokens(context);
    each([&]<std::size_t I, class Kind>() {
      if constexpr (CachingLayer<Kind>)
        Kind::keep(device, {c + cache_at[I] * capacity, capacity}, {s + saved_at[I] * n, n}, context, capacity);
    });
  }

  template <class Device>
  static void decode(Device& device, const Pass& pass, int index, T* w, T* s, T* t, T* c, int capacity, Rows<T, C> y,
                     Rows<const T, C> x) {
    const std::int64_t n = padded_tokens(1);
    each([&]<std::size_t I, class Kind>() {
      if constexpr (CachingLayer<Kind>)
        Kind::decode(device, pass, index, {w + weights_at[I], 1}, {s + saved_at[I] * n, n}, {t, n},
                     {c + cache_at[I] * capacity, capacity}, capacity, after<I>(s, y), before<I>(s, x));
      else
        Kind::forward(device, pass, {w + weights_at[I], 1}, {s + saved_at[I] * n, n}, {t, n}, after<I>(s, y),
                      before<I>(s, x));
    });
  }

 private:
  // The stream between two layers of a block lives behind their saved activations.
  template <std::size_t I>
  static Rows<T, C> after(T* s, Rows<T, C> y) {
    if constexpr (I + 1 == layers)
      return y;
    else
      return {s + (saved_at[layers] + static_cast<std::int64_t>(I) * C) * padded_tokens(y.count), y.count};
  }
  template <std::size_t I>
  static Rows<const T, C> before(T* s, Rows<const T, C> x) {
    if constexpr (I == 0)
      return x;
    else
      return after<I - 1>(s, {nullptr, x.count});
  }

  template <class F>
  static void each(F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f.template operator()<I, std::tuple_element_t<I, std::tuple<L...>>>(), ...);
    }
    (std::make_index_sequence<layers>{});
  }
  template <class F>
  static void each_reversed(F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f.template operator()<layers - 1 - I, std::tuple_element_t<layers - 1 - I, std::tuple<L...>>>(), ...);
    }
    (std::make_index_sequence<layers>{});
  }
};

}  // namespace longsky
