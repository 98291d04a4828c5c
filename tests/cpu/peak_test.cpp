// tests/cpu/peak_test.cpp — the measured peaks are rates of work that was done. How high they are is not tested.
#include <longsky/cpu/peak.hpp>

#include "support/catch.hpp"

#include <cmath>

using namespace longsky;

TEST_CASE("peaks are finite and positive for any number of threads", "[peak]") {
  const int threads = GENERATE(1, 2, 3);
  cpu::Device device(threads);
  for (const double rate : {cpu::fma_peak(device), cpu::bf16_peak(device), cpu::copy_bandwidth(device)}) {
    CHECK(std::isfinite(rate));
    CHECK(rate > 1e6);  // a machine that counts the work it does not do, or does none, is far off either way
    CHECK(rate < 1e18);
  }
}

TEST_CASE("the fastest of several rounds runs all of them", "[peak]") {
  int rounds = 0;
  const double seconds = cpu::fastest_of(7, [&] { ++rounds; });
  CHECK(rounds == 7);
  CHECK(seconds >= 0);
  CHECK(seconds < 1e30);
}
