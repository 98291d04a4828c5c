// cases/adamw.hpp — AdamW against its formula, over steps and sizes, on every device.
#pragma once

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/device_array.hpp"
#include "support/reference_rows.hpp"

#include <longsky/core/half.hpp>
#include <longsky/spec/adamw.hpp>
#include <longsky/spec/precision.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

namespace longsky::test {

struct AdamWCases {
  static constexpr AdamWConstants constants{.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f};
  static constexpr float lr = 0.01f, gradient_scale = 0.25f;

  static StepScale scale_of(int step) {
    return {.lr = lr,
            .gradient_scale = gradient_scale,
            .to_m_hat = bias_correction(constants.beta1, step),
            .to_v_hat = bias_correction(constants.beta2, step),
            .step = step};
  }

  /// Weights and moments in W, and the copy of the weights that a network reads.
  template <class Device, class W>
  struct State {
    using Copy = typename Device::template Element<Bf16>;
    static constexpr bool has_copy = !std::is_same_v<Copy, float>;
    Device& device;
    DeviceArray<W, Device> w, m, v;
    DeviceArray<Copy, Device> copy;

    State(Device& device, const std::vector<float>& start, float moment = 0)
        : device(device),
          w(device, start),
          m(device, std::vector<float>(start.size(), moment)),
          v(device, std::vector<float>(start.size(), moment)),
          copy(device, static_cast<std::int64_t>(start.size())) {}

    void update(const std::vector<float>& gradient, const StepScale& scale, const AdamWConstants& c = constants) {
      auto g = put<float>(device, gradient);
      auto step = put<StepScale>(device, std::vector<StepScale>{scale});
      adamw_step(device, w.span(), m.span(), v.span(), std::span<const float>(g.span()), c, step.data(),
                 has_copy ? copy.data() : nullptr);
    }
    auto all() { return std::array{w.floats(), m.floats(), v.floats()}; }
  };

  template <class Device>
  static void check_formula(std::int64_t n) {
    const auto start = random_floats(n, "w");
    const auto gradient = [&](int step) { return random_floats(n, step % 2 ? "odd" : "even"); };
    Doubles w = to_double(start), m = zeros(n), v = zeros(n);
    for (int step = 1; step <= 3; ++step) {
      const auto of_step = gradient(step);
      for (std::size_t i = 0; i < w.size(); ++i) {
        const double g = double{gradient_scale} * double{of_step[i]}, b1 = double{constants.beta1},
                     b2 = double{constants.beta2};
        m[i] = b1 * m[i] + (1 - b1) * g;
        v[i] = b2 * v[i] + (1 - b2) * g * g;
        const double m_hat = m[i] / (1 - std::pow(b1, step)), v_hat = v[i] / (1 - std::pow(b2, step));
        w[i] -=
            double{lr} * (m_hat / (std::sqrt(v_hat) + double{constants.eps}) + double{constants.weight_decay} * w[i]);
      }
    }
    const auto [got_w, got_m, got_v] = alike<Device>([&](Device& device) {
      State<Device, float> state(device, start);
      for (int step = 1; step <= 3; ++step) state.update(gradient(step), scale_of(step));
      if constexpr (State<Device, float>::has_copy)
        CHECK(same_bits(state.copy.floats(), stored_as<bf16>(state.w.floats())));
      return state.all();
    });
    CHECK(close(got_w, w, 1e-6));
    CHECK(close(got_m, m, Doubles(m.size(), 0.25), 1e-6));  // gradients are up to 0.25
    CHECK(close(got_v, v, 2e-6));
  }

  /// The first step moves a weight by the learning rate, decay apart, however large its gradient.
  template <class Device>
  static void check_first_step() {
    Alike<Device>::each([&](Device& device) {
      State<Device, float> state(device, {1, 1});
      AdamWConstants no_decay = constants;
      no_decay.weight_decay = 0;
      state.update({1e-3f, -40.0f}, scale_of(1), no_decay);
      CHECK(state.w.floats()[0] == Approx(0.99).epsilon(1e-4));
      CHECK(state.w.floats()[1] == Approx(1.01).epsilon(1e-4));
    });
  }

  /// Without a gradient there is only the decay.
  template <class Device>
  static void check_no_gradient() {
    Alike<Device>::each([&](Device& device) {
      State<Device, float> state(device, {2, -3, 0});
      state.update({0, 0, 0}, scale_of(1));
      CHECK(state.w.floats()[0] == Approx(2 * (1 - 0.001)));
      CHECK(state.w.floats()[1] == Approx(-3 * (1 - 0.001)));
      CHECK(state.w.floats()[2] == 0.0f);
    });
  }

  /// A step that is to be skipped leaves everything as it is, whatever its gradients are.
  template <class Device, class W>
  static void check_skipped() {
    Alike<Device>::each([&](Device& device) {
      State<Device, W> state(device, random_floats(37, "w"), 1.0f);
      const auto before = state.all();
      StepScale skipped = scale_of(1);
      skipped.skip = 1;
      state.update(std::vector<float>(37, std::numeric_limits<float>::quiet_NaN()), skipped);
      const auto after = state.all();
      for (std::size_t i = 0; i < before.size(); ++i) CHECK(same_bits(before[i], after[i]));
    });
  }
};

}  // namespace longsky::test
