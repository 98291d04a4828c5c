// longsky/optim/adamw.hpp — AdamW over one flat vector of weights; which parameters decay is read off their tables.
//
//   m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  w -= lr (m^ / (sqrt(v^) + eps) + decay w)     (arXiv 1711.05101)
//
// Matrices decay, gains and biases do not: a parameter's Kind says so at compile time.
#pragma once

#include <longsky/core/buffer.hpp>
#include <longsky/core/config.hpp>
#include <longsky/core/params.hpp>
#include <longsky/nn/mirror.hpp>
#include <longsky/spec/adamw.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace longsky {

/// The numbers of the optimizer.
struct AdamWSpec {
  float beta1 = 0.9f;
  float beta2 = 0.95f;
  float eps = 1e-8f;
  float weight_decay = 0.05f;
  float clip_norm = 1.0f;  ///< the gradient's global norm is scaled down to this; 0: never

  friend constexpr bool operator==(const AdamWSpec&, const AdamWSpec&) = default;
};

/// AdamW as a policy of a recipe.
template <AdamWSpec Spec = AdamWSpec{}>
struct AdamW {
  static constexpr AdamWSpec spec = Spec;

  /// First and second moments, zero at the start: the device's, as S, and the host's side of them.
  template <class Device, class S = float>
  class State {
   public:
    State(Device& device, std::int64_t size)
        : host_m_(static_cast<std::size_t>(size)),
          host_v_(static_cast<std::size_t>(size)),
          m(device, host_m_.span()),
          v(device, host_v_.span()) {}

   private:
    Buffer<float> host_m_, host_v_;

   public:
    Mirror<Device, S> m, v;
  };

  /// Runs of neighbouring parameters with the same decay, in the order of `Layout`.
  struct Group {
    std::int64_t first, size;
    bool decays;
  };
  template <class Layout>
  static std::vector<Group> groups() {
    std::vector<Group> list;
    Layout::for_each([&](auto entry, int, std::int64_t at) {
      if (!list.empty()) list.back().size = at - list.back().first;  // the padding between two entries stays zero
      if (list.empty() || list.back().decays != decays(entry.kind)) list.push_back({at, 0, decays(entry.kind)});
    });
    list.back().size = Layout::size - list.back().first;
    return list;
  }

  /// What update number `step` (it counts from 1) is to be scaled by, but for the gradient's own scale.
  static StepScale scale(double lr, std::int64_t step) {
    return {.lr = static_cast<float>(lr),
            .to_m_hat = bias_correction(Spec.beta1, step),
            .to_v_hat = bias_correction(Spec.beta2, step),
            .step = step};
  }

  /// One update, scaled by what the device has at `step`. All spans are the device's; `copy`, where it is not nullptr,
  /// receives the weights in the type the network reads.
  template <class Device, class W, class S, class T>
  static void update(Device& device, const std::vector<Group>& groups, std::span<W> weights, State<Device, S>& state,
                     std::span<const float> gradients, const StepScale* step, T* copy) {
    for (const Group& g : groups) {
      const auto part = [&](auto all) {
        return all.subspan(static_cast<std::size_t>(g.first), static_cast<std::size_t>(g.size));
      };
      adamw_step(device, part(weights), part(state.m.span()), part(state.v.span()), part(gradients),
                 {.beta1 = Spec.beta1,
                  .beta2 = Spec.beta2,
                  .eps = Spec.eps,
                  .weight_decay = g.decays ? Spec.weight_decay : 0.0f,
                  .first = g.first},
                 step, copy ? copy + g.first : nullptr);
    }
  }

  /// What gradients of this norm are to be multiplied by.
  LONGSKY_HD static constexpr float clip(double norm) {
    constexpr auto most = static_cast<double>(Spec.clip_norm);
    return most > 0 && norm > most ? static_cast<float>(most / norm) : 1.0f;
  }
};

}  // namespace longsky
