// cases/rmsnorm.hpp — the norm against its formula and the differences of it, on every device.
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

struct RmsnormCases {
  static constexpr float eps = 1e-5f;

  /// The formula, into memory of its own; the same bits where y is x.
  template <class Device, class T, int C>
  static void check_forward(std::int64_t N) {
    const auto x = stored_as<T>(random_floats(N * C, "x")), w = stored_as<T>(random_floats(C, "w"));
    const auto [y, r, x_after, in_place, r_in_place] = alike<Device>([&](Device& device) {
      auto on_x = put<T>(device, x), on_w = put<T>(device, w), y = room<T>(device, N * C), both = put<T>(device, x);
      auto r = room<float>(device, N), other_r = room<float>(device, N);
      rmsnorm_forward<C>(device, Rows<T, C>{y, N}, r.data(), Rows<T, C>{on_x, N}, on_w.data(), eps);
      rmsnorm_forward<C>(device, Rows<T, C>{both, N}, other_r.data(), Rows<T, C>{both, N}, on_w.data(), eps);
      return std::array{y.floats(), r.floats(), on_x.floats(), both.floats(), other_r.floats()};
    });
    CHECK(same_bits(x_after, x));
    CHECK(same_bits(in_place, y));
    CHECK(same_bits(r_in_place, r));
    Doubles want_r;
    const Doubles want = rmsnorm(to_double(x), to_double(w), eps, &want_r);
    CHECK(close(y, want, 1e-6 + rounding<T>));
    CHECK(close(r, want_r, 1e-6));
  }

  /// dx and dw after both passes; both are added to.
  template <class Device, class T, int C>
  static auto gradients(const std::vector<float>& x, const std::vector<float>& w, const std::vector<float>& dy,
                        const std::vector<float>& dx_before, const std::vector<float>& dw_before) {
    const auto N = static_cast<std::int64_t>(x.size()) / C;
    return alike<Device>([&](Device& device) {
      auto on_x = put<T>(device, x), on_w = put<T>(device, w), on_dy = put<T>(device, dy),
           dx = put<T>(device, dx_before), y = room<T>(device, N * C);
      auto r = room<float>(device, N), dw = put<float>(device, dw_before);
      rmsnorm_forward<C>(device, Rows<T, C>{y, N}, r.data(), Rows<T, C>{on_x, N}, on_w.data(), eps);
      rmsnorm_backward<C>(device, Rows<T, C>{dx, N}, dw.data(), Rows<T, C>{on_dy, N}, Rows<T, C>{on_x, N}, r.data(),
                          on_w.data());
      return std::array{dx.floats(), dw.floats()};
    });
  }

  template <class Device, class T>
  static void check_gradients() {
    constexpr int C = 16;
    constexpr std::int64_t N = 9;
    const auto of = [](std::int64_t size, const char* name) { return stored_as<T>(random_floats(size, name)); };
    const auto x = of(N * C, "x"), w = of(C, "w"), dy = of(N * C, "dy"), dx_before = of(N * C, "dx");
    const auto dw_before = random_floats(C, "dw");
    const Doubles at_x = to_double(x), at_w = to_double(w), of_dy = to_double(dy);
    Doubles want_dx = differences(at_x, of_dy, [&](const Doubles& other) { return rmsnorm(other, at_w, eps); });
    Doubles want_dw = differences(at_w, of_dy, [&](const Doubles& other) { return rmsnorm(at_x, other, eps); });
    for (std::size_t i = 0; i < want_dx.size(); ++i) want_dx[i] += double{dx_before[i]};
    for (std::size_t i = 0; i < want_dw.size(); ++i) want_dw[i] += double{dw_before[i]};
    const auto [dx, dw] = gradients<Device, T, C>(x, w, dy, dx_before, dw_before);
    CHECK(close(dx, want_dx, 3e-6 + rounding<T>));
    CHECK(close(dw, want_dw, 3e-6));
  }

  /// The weight's gradient, summed over more rows than one worker takes.
  template <class Device>
  static void check_many_rows(std::int64_t N) {
    constexpr int C = 32;
    const auto x = random_floats(N * C, "x"), dy = random_floats(N * C, "dy"), start = random_floats(C, "dw");
    Doubles r, want(start.begin(), start.end()), scale(C, 1.0);
    rmsnorm(to_double(x), Doubles(C, 1.0), eps, &r);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double term = double{dy[i]} * double{x[i]} * r[i / C];
      want[i % C] += term;
      scale[i % C] += std::abs(term);
    }
    const std::vector<float> ones(C, 1.0f), nothing(x.size());
    const auto dw = gradients<Device, float, C>(x, ones, dy, nothing, start)[1];
    CHECK(close(dw, want, scale, 1e-6));
  }

  /// A row of zeros stays one and adds nothing to the weight's gradient.
  template <class Device>
  static void check_zeros() {
    constexpr int C = 16;
    const std::vector<float> zero(C), ones(C, 1.0f);
    const auto y = alike<Device>([&](Device& device) {
      auto x = put<float>(device, zero), w = put<float>(device, ones), y = room<float>(device, C),
           r = room<float>(device, 1);
      rmsnorm_forward<C>(device, Rows<float, C>{y, 1}, r.data(), Rows<float, C>{x, 1}, w.data(), eps);
      return std::array{y.floats()};
    })[0];
    const auto [dx, dw] = gradients<Device, float, C>(zero, ones, ones, zero, zero);
    CHECK(y == zero);
    CHECK(dw == zero);
    for (const float d : dx) CHECK(d == Approx(1 / std::sqrt(eps)).epsilon(1e-5));
  }
};

}  // namespace longsky::test
