// cases/swiglu.hpp — the gated unit against its formula and the differences of it, on every device.
#pragma once

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/device_array.hpp"
#include "support/reference_rows.hpp"

#include <longsky/core/rows.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

namespace longsky::test {

struct SwigluCases {
  /// y, and d(gate, up) of two calls: into memory of its own, and in place.
  template <class Device, class T, int F>
  static auto passes(const std::vector<float>& gate_up, const std::vector<float>& dy) {
    const auto N = static_cast<std::int64_t>(dy.size()) / F;
    return alike<Device>([&](Device& device) {
      auto on_gate_up = put<T>(device, gate_up), on_dy = put<T>(device, dy), y = room<T>(device, N * F),
           apart = room<T>(device, N * 2 * F), in_place = put<T>(device, gate_up);
      swiglu_forward<F>(device, Rows<T, F>{y, N}, Rows<T, 2 * F>{on_gate_up, N});
      swiglu_backward<F>(device, Rows<T, 2 * F>{apart, N}, Rows<T, F>{on_dy, N}, Rows<T, 2 * F>{on_gate_up, N});
      swiglu_backward<F>(device, Rows<T, 2 * F>{in_place, N}, Rows<T, F>{on_dy, N}, Rows<T, 2 * F>{in_place, N});
      return std::array{y.floats(), apart.floats(), in_place.floats()};
    });
  }

  /// Each number relative to itself: also where the gate is nearly shut.
  template <class Device, class T, int F>
  static void check_forward(std::int64_t N) {
    auto gate_up = random_floats(N * 2 * F, "gate_up");
    for (float& x : gate_up) x *= 10;
    gate_up = stored_as<T>(gate_up);
    const auto y = passes<Device, T, F>(gate_up, std::vector<float>(static_cast<std::size_t>(N * F), 1.0f))[0];
    const Doubles want = swiglu(to_double(gate_up), F);
    Doubles scale;
    for (const double value : want) scale.push_back(std::abs(value) + 1e-20);
    CHECK(close(y, want, scale, 4e-6 + rounding<T>));
  }

  template <class Device, class T, int F>
  static void check_gradients() {
    constexpr std::int64_t N = 3;
    auto gate_up = random_floats(N * 2 * F, "gate_up");
    for (float& x : gate_up) x *= 8;  // both flat ends of the sigmoid
    gate_up = stored_as<T>(gate_up);
    const auto dy = stored_as<T>(random_floats(N * F, "dy"));
    const auto [y, apart, in_place] = passes<Device, T, F>(gate_up, dy);
    CHECK(close(apart, differences(to_double(gate_up), to_double(dy), [](const Doubles& at) { return swiglu(at, F); }),
                3e-6 + rounding<T>));
    CHECK(same_bits(apart, in_place));
  }

  template <class Device>
  static void check_large_gates() {
    const auto [y, d, in_place] =
        passes<Device, float, 4>({-200.0f, 200.0f, -88.0f, 1e30f, 1.0f, 2.0f, 3.0f, 4.0f}, std::vector<float>(4, 1.0f));
    CHECK(std::abs(y[0]) < 1e-30f);
    CHECK(y[1] == 400.0f);
    CHECK(y[3] == 4e30f);
    for (const float x : d) CHECK(std::isfinite(x));
  }
};

}  // namespace longsky::test
