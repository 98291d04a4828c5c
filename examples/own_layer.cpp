// A layer of one's own: a feed-forward half with a squared ReLU (Primer, arXiv 2109.08668) instead of SwiGLU.
//
//   y = x + W_down relu(W_up rmsnorm(x))^2        build/native/examples/own_layer
#include <longsky/longsky.hpp>

#include <iostream>

namespace ls = longsky;
using namespace ls::literals;

// Three tables (weights, activations saved for backward, scratch) and two passes; memory, saving and decay follow.
template <class Net>
struct SquaredRelu {
  static constexpr int C = Net::model.width, F = Net::model.ffn;
  using P = typename Net::Precision;
  static constexpr auto params = ls::params("up_norm"_n = ls::ones<C>, "up"_n = ls::matrix<F, C>, "down"_n = ls::output<C, F>);
  static constexpr auto saved = ls::params("h"_n = ls::per_token<C>, "u"_n = ls::per_token<F>, "a"_n = ls::per_token<F>,
                                           "r"_n = ls::per_token<1>);
  static constexpr auto scratch = ls::params("da"_n = ls::per_token<F>, "dh"_n = ls::per_token<C>);
  using Weights = ls::View<std::remove_const_t<decltype(params)>>;
  using Saved = ls::View<std::remove_const_t<decltype(saved)>>;
  using Scratch = ls::View<std::remove_const_t<decltype(scratch)>>;

  template <class Device>
  static void forward(Device& device, const ls::Pass& pass, Weights w, Saved s, Scratch, ls::Rows<float, C> y,
                      ls::Rows<const float, C> x) {
    const std::int64_t n = pass.count();
    rmsnorm_forward<C>(device, {s["h"_n], n}, s["r"_n], x, w["up_norm"_n], 1e-6f);
    linear_forward<P, F, C>(device, {s["u"_n], n}, {s["h"_n], n}, w["up"_n], nullptr, nullptr);
    for (std::int64_t i = 0; i < n * F; ++i) s["a"_n][i] = s["u"_n][i] > 0 ? s["u"_n][i] * s["u"_n][i] : 0.0f;
    linear_forward<P, C, F>(device, y, {s["a"_n], n}, w["down"_n], nullptr, x.data);
  }
  template <class Device>  // dx comes in as dy and goes out as dx
  static void backward(Device& device, const ls::Pass& pass, Weights w, Weights dw, Saved s, Scratch t,
                       ls::Rows<float, C> dx, ls::Rows<const float, C> x) {
    const std::int64_t n = pass.count();
    linear_backward_weight<P, C, F>(device, dw["down"_n], nullptr, dx, {s["a"_n], n});
    linear_backward_input<P, C, F>(device, {t["da"_n], n}, dx, w["down"_n]);
    for (std::int64_t i = 0; i < n * F; ++i) t["da"_n][i] *= s["u"_n][i] > 0 ? 2 * s["u"_n][i] : 0.0f;
    linear_backward_weight<P, F, C>(device, dw["up"_n], nullptr, {t["da"_n], n}, {s["h"_n], n});
    linear_backward_input<P, F, C>(device, {t["dh"_n], n}, {t["da"_n], n}, w["up"_n]);
    rmsnorm_backward<C>(device, dx, dw["up_norm"_n], {t["dh"_n], n}, x, s["r"_n], w["up_norm"_n]);
  }
};

int main() {
  constexpr ls::ModelSpec model{.vocab = 64, .layers = 2, .width = 64, .heads = 4, .kv_heads = 2, .ffn = 96, .context = 64};
  using Network = ls::Net<model, ls::Layers<ls::Attention, SquaredRelu>, ls::Causal, ls::Fp32>;
  std::cout << ls::WeightLayout<Network>::parameters << " parameters, of which a block has:\n";
  ls::WeightLayout<Network>::Block::for_each_parameter(
      [](auto entry, std::int64_t) { std::cout << "  " << entry.name << "  " << entry.size << '\n'; });
  return std::cout.flush() ? 0 : 1;
}
