// cases/linear.hpp — a linear layer and its gradients against double precision, on every device.
#pragma once

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/device_array.hpp"
#include "support/reference.hpp"

#include <longsky/core/rows.hpp>
#include <longsky/spec/precision.hpp>

#include <cstdint>
#include <vector>

namespace longsky::test {

/// y [rows, N] = x [rows, K] W^T [K, N] and its gradients. `stored` rounds to what the device multiplies.
struct LinearNumbers {
  int N, K;
  std::int64_t rows;
  std::vector<float> x, w, dy, bias, residual, dw, dbias;

  template <class Stored>
  LinearNumbers(int outputs, int inputs, std::int64_t rows, const Stored& stored)
      : N(outputs),
        K(inputs),
        rows(rows),
        x(stored(random_floats(rows * K, "x"))),
        w(stored(random_floats(std::int64_t{N} * K, "w"))),
        dy(stored(random_floats(rows * N, "dy"))),
        bias(stored(random_floats(N, "bias"))),
        residual(stored(random_floats(rows * N, "residual"))),
        dw(random_floats(std::int64_t{N} * K, "dw")),
        dbias(random_floats(N, "dbias")) {}

  /// x W^T
  Exact y() const {
    return product(
        rows, N, K, [&](auto t, auto k) { return at(x, t * K + k); }, [&](auto k, auto n) { return at(w, n * K + k); });
  }
  /// x W^T + bias + residual
  Exact y_with_all() const {
    Exact sum = y();
    for (std::int64_t i = 0; i < rows * N; ++i) {
      sum.add(i, at(bias, i % N));
      sum.add(i, at(residual, i));
    }
    return sum;
  }
  Exact dx() const {
    return product(
        rows, K, N, [&](auto t, auto n) { return at(dy, t * N + n); },
        [&](auto n, auto k) { return at(w, n * K + k); });
  }
  /// What `dw` holds, plus dy^T x.
  Exact dw_after() const {
    Exact sum = product(
        N, K, rows, [&](auto n, auto t) { return at(dy, t * N + n); },
        [&](auto t, auto k) { return at(x, t * K + k); });
    for (std::int64_t i = 0; i < std::int64_t{N} * K; ++i) sum.add(i, at(dw, i));
    return sum;
  }
  /// What `dbias` holds, plus the sums of dy's columns.
  Exact dbias_after() const {
    Exact sum = product(
        N, 1, rows, [&](auto n, auto t) { return at(dy, t * N + n); }, [](auto, auto) { return 1.0; });
    for (std::int64_t i = 0; i < N; ++i) sum.add(i, at(dbias, i));
    return sum;
  }

 private:
  static double at(const std::vector<float>& values, std::int64_t i) {
    return double{values[static_cast<std::size_t>(i)]};
  }
};

template <class PrecisionPolicy, int Outputs, int Inputs>
struct LinearCase {
  using Precision = PrecisionPolicy;
  static constexpr int N = Outputs, K = Inputs;

  /// The product alone, with everything, and on top of its own residual.
  template <class Device>
  static void check_forward(std::int64_t rows) {
    using T = typename Device::template Element<Precision>;
    const LinearNumbers in(N, K, rows, factors<Precision>);
    CAPTURE(rows, N, K);
    const auto [alone, with_all, in_place] = alike<Device>([&](Device& device) {
      auto x = put<T>(device, in.x), w = put<T>(device, in.w), bias = put<T>(device, in.bias),
           residual = put<T>(device, in.residual), alone = room<T>(device, rows * N),
           with_all = room<T>(device, rows * N), in_place = put<T>(device, in.residual);
      const auto forward = [&](DeviceArray<T, Device>& y, const T* bias, const T* residual) {
        linear_forward<Precision, N, K>(device, Rows<T, N>{y, rows}, Rows<T, K>{x, rows}, w.data(), bias, residual);
      };
      forward(alone, nullptr, nullptr);
      forward(with_all, bias.data(), residual.data());
      forward(in_place, bias.data(), in_place.data());
      return std::array{alone.floats(), with_all.floats(), in_place.floats()};
    });
    const Exact product_alone = in.y(), sum = in.y_with_all();
    CHECK(close(alone, product_alone.value, product_alone.scale, tolerance<T>));
    CHECK(close(with_all, sum.value, sum.scale, tolerance<T>));
    CHECK(same_bits(with_all, in_place));
  }

  template <class Device>
  static void check_backward(std::int64_t rows) {
    using T = typename Device::template Element<Precision>;
    const LinearNumbers in(N, K, rows, factors<Precision>);
    CAPTURE(rows, N, K);
    const auto [dx, dw, dbias, dw_alone] = alike<Device>([&](Device& device) {
      auto x = put<T>(device, in.x), w = put<T>(device, in.w), dy = put<T>(device, in.dy),
           dx = room<T>(device, rows * K);
      auto dw = put<float>(device, in.dw), dbias = put<float>(device, in.dbias), dw_alone = put<float>(device, in.dw);
      const Rows<T, N> of_dy{dy, rows};
      const Rows<T, K> of_x{x, rows};
      linear_backward_input<Precision, N, K>(device, Rows<T, K>{dx, rows}, of_dy, w.data());
      linear_backward_weight<Precision, N, K>(device, dw.data(), dbias.data(), of_dy, of_x);
      linear_backward_weight<Precision, N, K>(device, dw_alone.data(), nullptr, of_dy, of_x);
      return std::array{dx.floats(), dw.floats(), dbias.floats(), dw_alone.floats()};
    });
    const Exact want_dx = in.dx(), want_dw = in.dw_after(), want_dbias = in.dbias_after();
    CHECK(close(dx, want_dx.value, want_dx.scale, tolerance<T>));
    CHECK(close(dw, want_dw.value, want_dw.scale, 4e-7));
    CHECK(close(dbias, want_dbias.value, want_dbias.scale, 4e-7));
    CHECK(same_bits(dw, dw_alone));
  }

 private:
  template <class T>
  static constexpr double tolerance = 4e-7 + (sizeof(T) == 4 ? 0 : rounding<T>);
};

/// Without rows no gradient changes.
template <class Device>
void check_linear_without_rows() {
  Alike<Device>::each([&](Device& device) {
    auto w = room<float>(device, 6), y = room<float>(device, 3), x = room<float>(device, 2);
    auto dw = put<float>(device, std::vector<float>(6, 0.5f)), dbias = put<float>(device, std::vector<float>(3, 0.5f));
    linear_forward<Fp32, 3, 2>(device, Rows<float, 3>{y, 0}, Rows<float, 2>{x, 0}, w.data(), nullptr, nullptr);
    linear_backward_weight<Fp32, 3, 2>(device, dw.data(), dbias.data(), Rows<float, 3>{y, 0}, Rows<float, 2>{x, 0});
    CHECK(dw.floats() == std::vector<float>(6, 0.5f));
    CHECK(dbias.floats() == std::vector<float>(3, 0.5f));
  });
}

}  // namespace longsky::test
