// tests/cuda/adamw_test.cpp — AdamW on a GPU, and rounding at random, which is right on average.
#include "cases/adamw.hpp"
#include "cuda/on_device.hpp"

#include <longsky/cuda/adamw.cuh>
#include <longsky/cuda/run_once.cuh>

#include <bit>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace longsky::test {

namespace {

constexpr AdamWConstants constants = AdamWCases::constants;
template <class W>
using State = AdamWCases::State<cuda::Device, W>;

struct RoundMany {
  float x;
  bf16* to;
  int n;
  LONGSKY_HD void operator()() const {
    for (int i = 0; i < n; ++i)
      to[i] = cuda::rounded_at_random(x, philox({static_cast<std::uint32_t>(i), 0, 0, 0}, {1, 2})[0]);
  }
};

}  // namespace

TEST_CASE("adamw on a GPU is its formula, and keeps a copy in another type", "[cuda][adamw][smoke]") {
  AdamWCases::check_formula<cuda::Device>(GENERATE(1, 3, 4, 1003));
}

TEST_CASE("adamw's first step on a GPU moves a weight by the learning rate, decay apart", "[cuda][adamw]") {
  AdamWCases::check_first_step<cuda::Device>();
}

TEST_CASE("adamw without a gradient on a GPU only decays", "[cuda][adamw]") {
  AdamWCases::check_no_gradient<cuda::Device>();
}

TEMPLATE_TEST_CASE("a step that is to be skipped leaves everything on a GPU as it is", "[cuda][adamw]", float, bf16) {
  AdamWCases::check_skipped<cuda::Device, TestType>();
}

TEST_CASE("rounding at random gives one of the two neighbours, and on average the number", "[cuda][adamw]") {
  constexpr int n = 20'000;
  const float x = GENERATE(1.0f + 3.0f / 1024, -0.3711f, 1e-20f, 2.5f);
  cuda::Device device;
  OnDevice<bf16> rounded(device, std::int64_t{n});
  run_once(device, RoundMany{x, rounded.data(), n});
  const float down = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffff0000u);
  const float up = std::bit_cast<float>((std::bit_cast<std::uint32_t>(x) & 0xffff0000u) + 0x10000u);
  double mean = 0;
  for (const float value : rounded.floats()) {
    CHECK((value == down || value == up));
    mean += double{value} / n;
  }
  // Five deviations of a mean of n draws between the two.
  CHECK(std::abs(mean - double{x}) <= 5 * 0.5 * std::abs(double{up} - double{down}) / std::sqrt(n));
  if (x == down) CHECK(mean == Approx(double{x}).epsilon(1e-12));
}

TEST_CASE("what is no finite number stays so when it is rounded at random", "[cuda][adamw]") {
  cuda::Device device;
  for (const float x : {INFINITY, -INFINITY, NAN}) {
    OnDevice<bf16> rounded(device, std::int64_t{8});
    run_once(device, RoundMany{x, rounded.data(), 8});
    for (const float value : rounded.floats()) CHECK((std::isnan(x) ? std::isnan(value) : value == x));
  }
}

TEST_CASE("bfloat16 weights follow float ones through steps that rounding to nearest would lose", "[cuda][adamw]") {
  constexpr std::size_t n = 512;
  const std::vector<float> start(n, 1.0f), gradient(n, 1.0f);
  cuda::Device device;
  State<float> exact(device, start);
  State<bf16> small(device, start), again(device, start);
  AdamWConstants no_decay = constants;
  no_decay.weight_decay = 0;
  for (int step = 1; step <= 8; ++step) {
    StepScale scale = AdamWCases::scale_of(step);
    scale.lr = 5e-4f;  // an eighth of the distance between 1 and the next bfloat16 below
    exact.update(gradient, scale, no_decay);
    small.update(gradient, scale, no_decay);
    again.update(gradient, scale, no_decay);
  }
  const auto mean = [](const std::vector<float>& values) {
    double sum = 0;
    for (const float x : values) sum += double{x} / n;
    return sum;
  };
  CHECK(mean(exact.w.floats()) == Approx(1 - 8 * 5e-4).epsilon(1e-4));
  CHECK(mean(small.w.floats()) == Approx(mean(exact.w.floats())).margin(6e-4));
  CHECK(same_bits(small.w.floats(), again.w.floats()));
  // Where the model's vector is cut does not matter, how far along it an element lies does.
  State<bf16> other(device, start);
  no_decay.first = 4096;
  other.update(gradient, AdamWCases::scale_of(1), no_decay);
  State<bf16> first(device, start);
  no_decay.first = 0;
  first.update(gradient, AdamWCases::scale_of(1), no_decay);
  CHECK(other.w.floats() != first.w.floats());
  // Another seed and another step round otherwise.
  for (const auto& [seed, step] : {std::pair(1, 1), std::pair(0, 2)}) {
    State<bf16> otherwise(device, start);
    StepScale scale = AdamWCases::scale_of(1);
    scale.seed = static_cast<std::uint64_t>(seed);
    scale.step = step;
    otherwise.update(gradient, scale, no_decay);
    CHECK(otherwise.w.floats() != first.w.floats());
  }
}

}  // namespace longsky::test
