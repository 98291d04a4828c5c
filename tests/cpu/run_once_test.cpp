// tests/cpu/run_once_test.cpp — a functor runs once, in the order of the ops around it.
#include "support/catch.hpp"

#include <longsky/cpu/global_norm.hpp>
#include <longsky/cpu/run_once.hpp>

#include <vector>

namespace {
struct Halve {
  double* x;
  void operator()() const { *x /= 2; }
};
}  // namespace

TEST_CASE("run_once sees what the op before it wrote", "[run_once]") {
  longsky::cpu::Device device(1);
  const std::vector<float> x{2, 4};
  double total = 0;
  for (int i = 0; i < 2; ++i) {
    add_sum(device, &total, x);
    run_once(device, Halve{&total});
  }
  CHECK(total == 4.5);
}
