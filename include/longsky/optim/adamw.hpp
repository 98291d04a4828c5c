// longsky/optim/adamw.hpp — AdamW over one flat vector of weights; which parameters decay is read off their tables.
//
//   m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  w -= lr (m^ / (sqrt(v^) + eps) + decay w)     (arXiv 1711.05101)
//
// Matrices decay, gains and biases do not: a parameter's Kind says so at compile time.
#pragma once

#include <longsky/core/buffer.hpp>
#include <longsky/core/params.hpp>

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

  /// First and second moments, zero at the start.
  struct State {
    Buffer<float> m, v;
    explicit State(std::int64_t size) : m(static_cast<std::size_t>(size)), v(static_cast<std::size_t>(size)) {}
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

  /// One update with gradients multiplied by `gradient_scale` (1 / trained tokens, and the clip). `step` counts from 1.
  template <class Device>
  static void update(Device& device, const std::vector<Group>& groups, std::span<float> weights, State& state,
                     std::span<const float> gradients, float lr, std::int64_t step, float gradient_scale) {
    for (const Group& g : groups) {
      const auto part = [&](auto all) { return all.subspan(static_cast<std::size_t>(g.first), static_cast<std::size_t>(g.size)); };
      adamw_step(device, part(weights), part(state.m.span()), part(state.v.span()), part(gradients),
                 {.lr = lr, .beta1 = Spec.beta1, .beta2 = Spec.beta2, .eps = Spec.eps,
                  .weight_decay = g.decays ? Spec.weight_decay : 0.0f, .step = step, .gradient_scale = gradient_scale});
    }
  }

  /// What gradients of this norm are to be multiplied by.
  static float clip(double norm) {
    return Spec.clip_norm > 0 && norm > Spec.clip_norm ? static_cast<float>(Spec.clip_norm / norm) : 1.0f;
  }
};

}  // namespace longsky
