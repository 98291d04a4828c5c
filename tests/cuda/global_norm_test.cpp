// tests/cuda/global_norm_test.cpp — sums over many numbers on a GPU.
#include "cases/global_norm.hpp"
#include "cuda/on_device.hpp"

#include <longsky/cuda/fill_zero.cuh>
#include <longsky/cuda/global_norm.cuh>
#include <longsky/cuda/run_once.cuh>

#include <cstdint>
#include <span>
#include <vector>

namespace longsky::test {

namespace {

/// So that each thread has several numbers.
struct FewThreads {
  static constexpr int threads = 64;
  static constexpr std::int64_t most_blocks = 5;
};

struct Halve {
  double* x;
  LONGSKY_HD void operator()() const { *x /= 2; }
};

}  // namespace

TEMPLATE_TEST_CASE("the sum of squares on a GPU is exact to double, in every run", "[cuda][global_norm][smoke]", float,
                   bf16) {
  GlobalNormCases::check_squares<cuda::Device, TestType>(GENERATE(0, 1, 63, 65, 5001));
}

TEST_CASE("the sum of squares on a GPU neither overflows nor hides what is not finite", "[cuda][global_norm]") {
  GlobalNormCases::check_extremes<cuda::Device>();
}

TEST_CASE("a sum on a GPU goes on top of what is there", "[cuda][global_norm][smoke]") {
  GlobalNormCases::check_sum<cuda::Device>(GENERATE(0, 1, 255, 257, 5001));
}

TEMPLATE_TEST_CASE("zeroed memory on a GPU is zero", "[cuda][global_norm][smoke]", float, bf16) {
  GlobalNormCases::check_fill_zero<cuda::Device, TestType>(GENERATE(0, 1, 5001));
}

TEMPLATE_TEST_CASE("a block of the sum of squares may have many numbers a thread", "[cuda][global_norm]", float, bf16) {
  using T = TestType;
  const auto x = stored_as<T>(random_floats(GENERATE(1, 63, 65, 30'001), "x"));
  double want = 0;
  for (const float value : x) want += double{value} * double{value};
  cuda::Device device;
  OnDevice<T> on_x(device, x);
  OnDevice<double> total(device, 1);
  cuda::sum_of_squares<FewThreads>(device, total.data(), std::span<const T>(on_x.span()));
  CHECK(total.values()[0] == Approx(want).epsilon(1e-12));
}

TEST_CASE("what runs once on a GPU sees what was queued before", "[cuda][run_once][smoke]") {
  cuda::Device device;
  OnDevice<float> x(device, std::vector<float>(100, 1.0f));
  OnDevice<double> total(device, std::vector<double>{100});
  add_sum(device, total.data(), std::span<const float>(x.span()));
  run_once(device, Halve{total.data()});
  CHECK(total.values()[0] == 100);
}

}  // namespace longsky::test
