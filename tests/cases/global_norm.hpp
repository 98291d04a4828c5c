// cases/global_norm.hpp — sums over many numbers: their value, their order and their ends, on every device.
#pragma once

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/device_array.hpp"

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace longsky::test {

struct GlobalNormCases {
  /// The sum of squares; the same bits on all devices that are alike.
  template <class Device, class T>
  static double squares(const std::vector<float>& x) {
    std::optional<double> first;
    Alike<Device>::each([&](Device& device) {
      auto on_x = put<T>(device, x);
      auto total = room<double>(device, 1);
      sum_of_squares(device, total.data(), std::span<const T>(on_x.span()));
      const double got = total.values()[0];
      if (!first) first = got;
      CHECK((got == *first || (std::isnan(got) && std::isnan(*first))));
    });
    return first.value();
  }

  template <class Device, class T>
  static void check_squares(std::int64_t n) {
    const auto x = stored_as<T>(random_floats(n, "x"));
    long double want = 0;
    for (const float value : x) want += static_cast<long double>(value) * static_cast<long double>(value);
    const double error = std::abs(squares<Device, T>(x) - static_cast<double>(want));
    CHECK(error <= 1e-13 * static_cast<double>(want));
  }

  template <class Device>
  static void check_extremes() {
    std::vector<float> x(100, 1e30f);
    CHECK(squares<Device, float>(x) == Approx(1e62));
    x[57] = std::nanf("");
    CHECK(std::isnan(squares<Device, float>(x)));
    x[57] = INFINITY;
    CHECK(std::isinf(squares<Device, float>(x)));
  }

  /// A sum goes on top of what is there.
  template <class Device>
  static void check_sum(std::int64_t n) {
    const auto x = random_floats(n, "x");
    double want = 100;
    for (const float value : x) want += double{value};
    Alike<Device>::each([&](Device& device) {
      auto on_x = put<float>(device, x);
      auto total = put<double>(device, std::vector<double>{100});
      add_sum(device, total.data(), std::span<const float>(on_x.span()));
      CHECK(total.values()[0] == Approx(want).epsilon(1e-12));
    });
  }

  template <class Device, class T>
  static void check_fill_zero(std::int64_t n) {
    Alike<Device>::each([&](Device& device) {
      auto x = room<T>(device, n);
      fill_zero(device, x.span());
      CHECK(x.floats() == std::vector<float>(static_cast<std::size_t>(n)));
    });
  }
};

}  // namespace longsky::test
