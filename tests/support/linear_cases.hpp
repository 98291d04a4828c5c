// support/linear_cases.hpp — a linear layer's numbers, and what every device must make of them.
#pragma once

#include "support/close.hpp"
#include "support/reference.hpp"

#include <cstdint>
#include <vector>

namespace longsky::test {

/// y [rows, N] = x [rows, K] W^T [K, N] and its gradients. `stored` rounds to what the device multiplies.
struct LinearCase {
  int N, K;
  std::int64_t rows;
  std::vector<float> x, w, dy, bias, residual, dw, dbias;

  template <class Stored>
  LinearCase(int outputs, int inputs, std::int64_t rows, const Stored& stored)
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

}  // namespace longsky::test
