// longsky/nn/attention.hpp — the attention half of a block.
//
//   y = x + W_o attend(rope(W_q h), rope(W_k h), W_v h),   h = rmsnorm(x)
#pragma once

#include <longsky/core/params.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/spec/attention.hpp>
#include <longsky/spec/model.hpp>
#include <longsky/spec/pass.hpp>

#include <algorithm>
#include <type_traits>

namespace longsky {

/// Grouped-query attention with a pre-norm and a residual. `Net` names the model, the mask and the precision.
template <class Net>
struct Attention {
  static constexpr ModelSpec m = Net::model;
  static constexpr int C = m.width, H = m.heads, KV = m.kv_heads, D = m.head_dim(), Q = m.qkv_width();
  using Mask = typename Net::Mask;
  using Precision = typename Net::Precision;
  using T = typename Net::Element;

  static constexpr auto params = [] {
    if constexpr (m.qkv_bias)
      return longsky::params("attention_norm"_n = ones<C>, "qkv"_n = matrix<Q, C>, "qkv_bias"_n = zeros<Q>,
                             "attention_out"_n = output<C, C>);
    else
      return longsky::params("attention_norm"_n = ones<C>, "qkv"_n = matrix<Q, C>, "attention_out"_n = output<C, C>);
  }();
  static constexpr auto saved = longsky::params("h"_n = per_token<C>, "q"_n = per_token<C>,
                                                "k"_n = per_token<m.kv_width()>, "v"_n = per_token<m.kv_width()>,
                                                "o"_n = per_token<C>, "lse"_n = statistic<H>, "r"_n = statistic<1>);
  static constexpr auto scratch =
      longsky::params("qkv"_n = per_token<Q>, "dq"_n = per_token<C>, "dk"_n = per_token<m.kv_width()>,
                      "dv"_n = per_token<m.kv_width()>, "d_o"_n = per_token<C>);
  static constexpr auto cache = longsky::params("k"_n = per_token<m.kv_width()>, "v"_n = per_token<m.kv_width()>);

  using Weights = View<std::remove_const_t<decltype(params)>, T>;
  using Gradients = View<std::remove_const_t<decltype(params)>, float>;
  using Saved = View<std::remove_const_t<decltype(saved)>, T>;
  using Scratch = View<std::remove_const_t<decltype(scratch)>, T>;
  using Cache = View<std::remove_const_t<decltype(cache)>, T>;

  template <class Device>
  static void forward(Device& device, const Pass& pass, Weights w, Saved s, Scratch t, Rows<T, C> y,
                      Rows<const T, C> x) {
    const std::int64_t n = pass.count();
    const Rows<T, C> h{s["h"_n], n}, o{s["o"_n], n};
    const Rows<T, Q> qkv{t["qkv"_n], n};
    rmsnorm_forward<C>(device, h, s["r"_n], x, w["attention_norm"_n], m.norm_eps);
    linear_forward<Precision, Q, C>(device, qkv, h, w["qkv"_n], bias(w), nullptr);
    rope_forward<H, KV, D>(device, s["q"_n], s["k"_n], s["v"_n], qkv, pass.positions, pass.rope_table, pass.context);
    attention_forward<Mask, H, KV, D>(device, o, s["lse"_n], s["q"_n], s["k"_n], s["v"_n], batch(pass));
    linear_forward<Precision, C, C>(device, y, o, w["attention_out"_n], nullptr, x.data);
  }

  /// `dx` comes in as dy and goes out as dx; weight gradients are added to `dw`.
  template <class Device>
  static void backward(Device& device, const Pass& pass, Weights w, Gradients dw, Saved s, Scratch t, Rows<T, C> dx,
                       Rows<const T, C> x) {
    const std::int64_t n = pass.count();
    const Rows<T, C> d_o{t["d_o"_n], n}, dh = d_o;  // d_o is spent when dh is written
    const Rows<T, Q> dqkv{t["qkv"_n], n};
    const Rows<const T, C> h{s["h"_n], n}, o{s["o"_n], n};
    linear_backward_weight<Precision, C, C>(device, dw["attention_out"_n], nullptr, dx, o);
    linear_backward_input<Precision, C, C>(device, d_o, dx, w["attention_out"_n]);
    attention_backward<Mask, H, KV, D>(device, t["dq"_n], t["dk"_n], t["dv"_n], d_o, o, s["lse"_n], s["q"_n], s["k"_n],
                                       s["v"_n], batch(pass));
    rope_backward<H, KV, D>(device, dqkv, t["dq"_n], t["dk"_n], t["dv"_n], pass.positions, pass.rope_table,
                            pass.context);
    linear_backward_weight<Precision, Q, C>(device, dw["qkv"_n], bias(dw), dqkv, h);
    linear_backward_input<Precision, Q, C>(device, dh, dqkv, w["qkv"_n]);
    rmsnorm_backward<C>(device, dx, dw["attention_norm"_n], dh, x, s["r"_n], w["attention_norm"_n]);
  }

  /// Copies the keys and values of a pass of one sequence into the cache.
  template <class Device>
  static void keep(Device& device, Cache kept, Saved s, int context, int capacity) {
    copy_heads<D>(device, kept["k"_n], capacity, 0, s["k"_n], context, context, KV);
    copy_heads<D>(device, kept["v"_n], capacity, 0, s["v"_n], context, context, KV);
  }

  /// One more token, at `index` of its sequence, against the cache; its key and value join the cache.
  template <class Device>
  static void decode(Device& device, const Pass& pass, int index, Weights w, Saved s, Scratch t, Cache kept,
                     int capacity, Rows<T, C> y, Rows<const T, C> x) {
    const Rows<T, C> h{s["h"_n], 1}, o{s["o"_n], 1};
    const Rows<T, Q> qkv{t["qkv"_n], 1};
    rmsnorm_forward<C>(device, h, s["r"_n], x, w["attention_norm"_n], m.norm_eps);
    linear_forward<Precision, Q, C>(device, qkv, h, w["qkv"_n], bias(w), nullptr);
    rope_forward<H, KV, D>(device, s["q"_n], s["k"_n], s["v"_n], qkv, pass.positions, pass.rope_table, 1);
    copy_heads<D>(device, kept["k"_n], capacity, index, s["k"_n], 1, 1, KV);
    copy_heads<D>(device, kept["v"_n], capacity, index, s["v"_n], 1, 1, KV);
    attention_decode<Mask, H, KV, D>(device, o.data, s["q"_n], kept["k"_n], kept["v"_n], index + 1, capacity);
    linear_forward<Precision, C, C>(device, y, o, w["attention_out"_n], nullptr, x.data);
  }

 private:
  static AttentionBatch batch(const Pass& pass) {
    return {pass.sequences(), pass.context, pass.documents.data(), pass.attention_bounds};
  }

  template <class E>
  static E* bias(View<std::remove_const_t<decltype(params)>, E> w) {
    if constexpr (m.qkv_bias)
      return w["qkv_bias"_n];
    else
      return nullptr;
  }
};

}  // namespace longsky
