// longsky/cpu/adamw.hpp — AdamW, Adam with decoupled weight decay; the formula is in spec/adamw.hpp.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/cpu/device.hpp>
#include <longsky/cpu/vec.hpp>
#include <longsky/spec/adamw.hpp>

#include <cstdint>
#include <span>

namespace longsky::cpu {

/// Updates the weights and both moments in place; the four spans are of one size. A copy of the weights in another type
/// is what GPUs have: here there is none.
inline void adamw_step(Device& device, std::span<float> w, std::span<float> m, std::span<float> v,
                       std::span<const float> g, const AdamWConstants& constants, const StepScale* step,
                       float* /*copy*/ = nullptr) {
  if (step->skip != 0) return;
  const struct {
    float lr, gradient, to_m_hat, to_v_hat, beta1, beta2, eps, weight_decay;
  } scale{step->lr,        step->gradient_scale, step->to_m_hat, step->to_v_hat,
          constants.beta1, constants.beta2,      constants.eps,  constants.weight_decay};
  struct State {
    Vec w, m, v;
  };
  const auto next = [&](State s, Vec gradient) __attribute__((always_inline)) {
    gradient *= scale.gradient;
    s.m = scale.beta1 * s.m + (1 - scale.beta1) * gradient;
    s.v = scale.beta2 * s.v + (1 - scale.beta2) * gradient * gradient;
    const Vec direction = s.m * scale.to_m_hat / (sqrt(s.v * scale.to_v_hat) + scale.eps);
    s.w -= scale.lr * (direction + scale.weight_decay * s.w);
    return s;
  };
  parallel_chunks(
      device.threads(), static_cast<std::int64_t>(w.size()), 16384,
      [&](std::int64_t first, std::int64_t last, std::int64_t) {
        std::int64_t i = first;
        for (; i + vec_width <= last; i += vec_width) {
          const State s = next({load(w.data() + i), load(m.data() + i), load(v.data() + i)}, load(g.data() + i));
          store(w.data() + i, s.w);
          store(m.data() + i, s.m);
          store(v.data() + i, s.v);
        }
        if (const int rest = static_cast<int>(last - i); rest > 0) {
          const State s =
              next({load_first(w.data() + i, rest), load_first(m.data() + i, rest), load_first(v.data() + i, rest)},
                   load_first(g.data() + i, rest));
          store_first(w.data() + i, s.w, rest);
          store_first(m.data() + i, s.m, rest);
          store_first(v.data() + i, s.v, rest);
        }
      });
}

}  // namespace longsky::cpu
