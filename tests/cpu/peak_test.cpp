// tests/cpu/peak_test.cpp — the measured peaks are rates of work that was done. How high they are is not tested.
#include <longsky/cpu/peak.hpp>

#include "support/catch.hpp"

#include <array>
#include <cmath>

using namespace longsky;

TEST_CASE("rates are finite and positive for any number of threads", "[peak]") {
  const int threads = GENERATE(1, 2, 3);
  cpu::Device device(threads);
  cpu::CopyRate copy;
  for (const double rate : {cpu::fma_peak(device), cpu::bf16_rate(device), copy(device)}) {
    CHECK(std::isfinite(rate));
    CHECK(rate > 1e6);  // a machine that counts the work it does not do, or does none, is far off either way
    CHECK(rate < 1e18);
  }
}

TEST_CASE("a peak is the best of its rounds", "[peak]") {
  int round = 0;
  CHECK(cpu::peak_of(3, [&] { return std::array{2.0, 5.0, 3.0}.at(static_cast<std::size_t>(round++)); }) == 5.0);
  CHECK(round == 3);
}
