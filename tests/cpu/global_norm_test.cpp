// tests/cpu/global_norm_test.cpp — the sum of squares, its order and its ends.
#include "support/catch.hpp"
#include "support/close.hpp"

#include <longsky/cpu/global_norm.hpp>

#include <cmath>

using namespace longsky;
using namespace longsky::test;

TEST_CASE("the sum of squares is exact to double, for any number of threads", "[global_norm]") {
  const std::int64_t n = GENERATE(0, 1, 15, 16, 17, 16'384, 16'385, 100'003);
  const auto x = random_floats(n, "x");
  long double want = 0;
  for (float value : x) want += static_cast<long double>(value) * value;
  cpu::Device device(1);
  const double one = sum_of_squares(device, x);
  CHECK(std::abs(one - static_cast<double>(want)) <= 1e-13 * static_cast<double>(want));
  for (int threads : {2, 3, 8}) {
    cpu::Device other(threads);
    CHECK(sum_of_squares(other, x) == one);
  }
}

TEST_CASE("the sum of squares neither overflows nor hides what is not finite", "[global_norm]") {
  cpu::Device device(2);
  std::vector<float> x(100, 1e30f);
  CHECK(sum_of_squares(device, x) == Approx(1e62));
  x[57] = std::nanf("");
  CHECK(std::isnan(sum_of_squares(device, x)));
  x[57] = INFINITY;
  CHECK(std::isinf(sum_of_squares(device, x)));
}

TEST_CASE("sums go where the device keeps its numbers", "[global_norm]") {
  cpu::Device device(2);
  const std::vector<float> x{1, 2, 3, -4};
  double squares = 100, sum = 100;
  sum_of_squares(device, &squares, x);
  add_sum(device, &sum, x);
  CHECK(squares == 30);
  CHECK(sum == 102);
}
