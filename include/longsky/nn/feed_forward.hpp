// longsky/nn/feed_forward.hpp — the feed-forward half of a block.
//
//   y = x + W_down (silu(W_gate h) * (W_up h)),   h = rmsnorm(x)
#pragma once

#include <longsky/core/params.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/spec/model.hpp>
#include <longsky/spec/pass.hpp>

#include <type_traits>

namespace longsky {

/// SwiGLU (arXiv 2002.05202) with a pre-norm and a residual. `Net` names the model and the precision.
template <class Net>
struct FeedForward {
  static constexpr ModelSpec m = Net::model;
  static constexpr int C = m.width, F = m.ffn;
  using Precision = typename Net::Precision;
  using T = typename Net::Element;

  static constexpr auto params =
      longsky::params("ffn_norm"_n = ones<C>, "gate_up"_n = matrix<2 * F, C>, "down"_n = output<C, F>);
  static constexpr auto saved =
      longsky::params("h"_n = per_token<C>, "gate_up"_n = per_token<2 * F>, "a"_n = per_token<F>, "r"_n = statistic<1>);
  static constexpr auto scratch = longsky::params("da"_n = per_token<F>, "dh"_n = per_token<C>);

  using Weights = View<std::remove_const_t<decltype(params)>, T>;
  using Gradients = View<std::remove_const_t<decltype(params)>, float>;
  using Saved = View<std::remove_const_t<decltype(saved)>, T>;
  using Scratch = View<std::remove_const_t<decltype(scratch)>, T>;

  template <class Device>
  static void forward(Device& device, const Pass& pass, Weights w, Saved s, Scratch, Rows<T, C> y, Rows<const T, C> x) {
    const std::int64_t n = pass.count();
    const Rows<T, C> h{s["h"_n], n};
    const Rows<T, 2 * F> gate_up{s["gate_up"_n], n};
    const Rows<T, F> a{s["a"_n], n};
    rmsnorm_forward<C>(device, h, s["r"_n], x, w["ffn_norm"_n], m.norm_eps);
    linear_forward<Precision, 2 * F, C>(device, gate_up, h, w["gate_up"_n], nullptr, nullptr);
    swiglu_forward<F>(device, a, gate_up);
    linear_forward<Precision, C, F>(device, y, a, w["down"_n], nullptr, x.data);
  }

  /// `dx` comes in as dy and goes out as dx; weight gradients are added to `dw`.
  template <class Device>
  static void backward(Device& device, const Pass& pass, Weights w, Gradients dw, Saved s, Scratch t, Rows<T, C> dx,
                       Rows<const T, C> x) {
    const std::int64_t n = pass.count();
    const Rows<T, 2 * F> gate_up{s["gate_up"_n], n};
    const Rows<T, F> da{t["da"_n], n};
    const Rows<T, C> dh{t["dh"_n], n};
    linear_backward_weight<Precision, C, F>(device, dw["down"_n], nullptr, dx, Rows<const T, F>{s["a"_n], n});
    linear_backward_input<Precision, C, F>(device, da, dx, w["down"_n]);
    swiglu_backward<F>(device, gate_up, da, gate_up);
    linear_backward_weight<Precision, 2 * F, C>(device, dw["gate_up"_n], nullptr, gate_up,
                                                Rows<const T, C>{s["h"_n], n});
    linear_backward_input<Precision, 2 * F, C>(device, dh, gate_up, w["gate_up"_n]);
    rmsnorm_backward<C>(device, dx, dw["ffn_norm"_n], dh, x, s["r"_n], w["ffn_norm"_n]);
  }
};

}  // namespace longsky
