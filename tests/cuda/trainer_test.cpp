// tests/cuda/trainer_test.cpp — training on a GPU: the CPU's losses, the same bits after a restart, and a run that
// changes devices in the middle.
#include "cuda/tiny_recipe.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"

#include <longsky/cuda.cuh>

#include <limits>
#include <memory>
#include <vector>

namespace longsky::test {

namespace {

/// A trainer with the device and the weights it works on.
template <class R, longsky::Device Device>
struct Training {
  Device device;
  Weights<R> weights{7};
  std::unique_ptr<Trainer<R, TinyStage, Device>> trainer =
      std::make_unique<Trainer<R, TinyStage, Device>>(device, weights.span(), no_corpus, 7);

  std::vector<double> run(int steps) {
    std::vector<double> losses;
    for (int i = 0; i < steps; ++i) losses.push_back(trainer->next().loss);
    trainer->publish();
    return losses;
  }
  /// Goes on where another, which may be on another device, has stopped.
  template <class Other>
  void take_over(Other& other) {
    const auto copy = [](std::span<const float> from, std::span<float> to) {
      std::copy(from.begin(), from.end(), to.begin());
    };
    copy(other.weights.span(), weights.span());
    copy(other.trainer->optimizer().m.host(), trainer->optimizer().m.host());
    copy(other.trainer->optimizer().v.host(), trainer->optimizer().v.host());
    trainer->restore(other.trainer->state());
  }
};

}  // namespace

TEMPLATE_TEST_CASE("a GPU's losses are the CPU's", "[cuda][train][smoke]", Fp32, Bf16, Bf16Stochastic) {
  Training<TinyRecipe<Fp32>, cpu::Device> on_cpu;
  Training<TinyRecipe<TestType>, cuda::Device> on_gpu;
  const std::vector<float> start = copy_of(on_gpu.weights.span());
  const std::vector<double> want = on_cpu.run(4), got = on_gpu.run(4);
  for (std::size_t i = 0; i < want.size(); ++i)
    CHECK(got[i] == Approx(want[i]).epsilon(TestType::rounds_factors ? 1e-2 : 1e-5));
  CHECK(copy_of(on_gpu.weights.span()) != start);
  if constexpr (!TestType::rounds_factors) {
    const auto exact = on_cpu.weights.span();
    CHECK(longsky::test::close(on_gpu.weights.span(), std::vector<double>(exact.begin(), exact.end()), 1e-3));
  }
}

TEMPLATE_TEST_CASE("stopped and resumed on a GPU, the bits are the same", "[cuda][train][repeats]", Fp32, Bf16, Bf16Stochastic) {
  using T = Training<TinyRecipe<TestType>, cuda::Device>;
  T whole, before, after;
  const std::vector<double> losses = whole.run(4);
  std::vector<double> seen = before.run(1);
  after.take_over(before);
  const std::vector<double> rest = after.run(3);
  seen.insert(seen.end(), rest.begin(), rest.end());
  CHECK(seen == losses);
  CHECK(same_bits(copy_of(after.weights.span()), copy_of(whole.weights.span())));
}

TEST_CASE("a run can change devices in the middle", "[cuda][train]") {
  Training<TinyRecipe<Fp32>, cpu::Device> whole, before;
  const std::vector<double> losses = whole.run(4);
  before.run(2);
  Training<TinyRecipe<Fp32>, cuda::Device> after;
  after.take_over(before);
  CHECK(after.run(1).front() == Approx(losses[2]).epsilon(1e-5));
  Training<TinyRecipe<Fp32>, cpu::Device> again;
  again.take_over(after);
  CHECK(again.run(1).front() == Approx(losses[3]).epsilon(1e-5));
}

TEST_CASE("a loss that is not a number ends the run on a GPU too", "[cuda][train]") {
  Training<TinyRecipe<Fp32>, cuda::Device> t;
  t.run(1);
  t.weights.span()[5 * 64] = std::numeric_limits<float>::quiet_NaN();
  t.trainer->restore(t.trainer->state());
  const std::vector<float> kept = copy_of(t.weights.span());
  for (int i = 0; i < 3; ++i) try {
      t.trainer->next();
    } catch (const Error& e) {
      CHECK(e.code() == ExitCode::diverged);
      t.trainer->publish();
      CHECK(same_bits(copy_of(t.weights.span()), kept));
      return;
    }
  FAIL("the steps were taken");
}

TEST_CASE("sums of attention in any order train alike", "[cuda][train]") {
  Training<TinyRecipe<Bf16>, cuda::Device> in_order;
  Training<TinyRecipe<Bf16>, cuda::AtomicDevice> any_order;
  const std::vector<double> want = in_order.run(4), got = any_order.run(4);
  for (std::size_t i = 0; i < want.size(); ++i) CHECK(got[i] == Approx(want[i]).epsilon(2e-3));
}

}  // namespace longsky::test
