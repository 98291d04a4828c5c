// longsky/cpu/adamw.hpp — AdamW, Adam with decoupled weight decay; the formula is in spec/adamw.hpp.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/cpu/device.hpp>
#include <longsky/cpu/vec.hpp>
#include <longsky/spec/adamw.hpp>

#include <cstdint>
#include <span>

namespace longsky::cpu {

/// Updates the weights and both moments in place; the four spans are of one size.
inline void adamw_step(Device& device, std::span<float> w, std::span<float> m, std::span<float> v,
                       std::span<const float> g, const AdamWUpdate& update) {
  const float to_m_hat = update.correction(update.beta1), to_v_hat = update.correction(update.beta2);
  struct State {
    Vec w, m, v;
  };
  const auto next = [&](State s, Vec gradient) __attribute__((always_inline)) {
    gradient *= update.gradient_scale;
    s.m = update.beta1 * s.m + (1 - update.beta1) * gradient;
    s.v = update.beta2 * s.v + (1 - update.beta2) * gradient * gradient;
    const Vec direction = s.m * to_m_hat / (sqrt(s.v * to_v_hat) + update.eps);
    s.w -= update.lr * (direction + update.weight_decay * s.w);
    return s;
  };
  parallel_chunks(device.threads(), static_cast<std::int64_t>(w.size()), 16384,
                  [&](std::int64_t first, std::int64_t last, std::int64_t) {
                    std::int64_t i = first;
                    for (; i + vec_width <= last; i += vec_width) {
                      const State s = next({load(&w[i]), load(&m[i]), load(&v[i])}, load(&g[i]));
                      store(&w[i], s.w);
                      store(&m[i], s.m);
                      store(&v[i], s.v);
                    }
                    if (const int rest = static_cast<int>(last - i); rest > 0) {
                      const State s = next({load_first(&w[i], rest), load_first(&m[i], rest), load_first(&v[i], rest)},
                                           load_first(&g[i], rest));
                      store_first(&w[i], s.w, rest);
                      store_first(&m[i], s.m, rest);
                      store_first(&v[i], s.v, rest);
                    }
                  });
}

}  // namespace longsky::cpu
