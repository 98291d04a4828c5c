// tests/cuda/trainer_test.cpp — training on a GPU: the CPU's losses, the same bits after a restart, and a run that
// changes devices in the middle.
#include "support/catch.hpp"
#include "support/close.hpp"
#include "train/small_recipe.hpp"

#include <longsky/cuda.cuh>

#include <memory>

namespace longsky::test {

namespace {

const Corpus no_corpus;

struct TinyStage : SmallStage {
  static constexpr StageSpec spec{
      .name = "small", .context = 32, .sequences = 2, .accumulation = 2, .steps = 4, .lr = 3e-3, .warmup = 2};
};
template <class PrecisionPolicy>
struct TinyRecipe : SmallRecipe {
  static constexpr ModelSpec model{
      .vocab = 64, .layers = 1, .width = 64, .heads = 2, .kv_heads = 1, .ffn = 40, .context = 64};
  using Precision = PrecisionPolicy;
  using Stages = StageList<TinyStage>;
};

template <class PrecisionPolicy>
struct BiasedRecipe : TinyRecipe<PrecisionPolicy> {
  static constexpr ModelSpec model{
      .vocab = 71, .layers = 2, .width = 64, .heads = 2, .kv_heads = 2, .ffn = 40, .context = 64, .qkv_bias = true};
  using Recompute = RecomputeBlocks;
};

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

/// The device's memory that a trainer holds after its first step.
template <class R, class Device>
std::int64_t held_after_a_step() {
  Device device;
  Weights<R> weights(1);
  const std::int64_t free = device.memory_bytes();
  Trainer<R, TinyStage, Device> trainer(device, weights.span(), no_corpus, 1);
  trainer.next();
  return free - device.memory_bytes();
}

}  // namespace

TEMPLATE_TEST_CASE("a GPU's losses are the CPU's", "[cuda][train]", Fp32, Bf16, Bf16Stochastic) {
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

TEMPLATE_TEST_CASE("stopped and resumed on a GPU, the bits are the same", "[cuda][train]", Fp32, Bf16, Bf16Stochastic) {
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

TEST_CASE("after the first step a run on a GPU allocates nothing", "[cuda][plan]") {
  Training<TinyRecipe<Bf16>, cuda::Device> t;
  t.run(1);
  const std::int64_t free = t.device.memory_bytes();
  const int growths = t.device.growths();
  t.run(2);
  CHECK(t.device.memory_bytes() == free);
  CHECK(t.device.growths() == growths);
}

TEMPLATE_TEST_CASE("the plan is what a step holds on the GPU, to the byte", "[cuda][plan]", Fp32, Bf16,
                   Bf16Stochastic) {
  using R = TinyRecipe<TestType>;
  using B = BiasedRecipe<TestType>;
  // The state of a step is padded in the plan, as the CPU's memory is.
  const auto planned = [](const MemoryPlan& plan) {
    return plan.total() - (static_cast<std::int64_t>(sizeof(StepState)) + 63) / 64 * 64 +
           static_cast<std::int64_t>(sizeof(StepState));
  };
  CHECK(held_after_a_step<R, cuda::Device>() == planned(plan<R, TinyStage, cuda::Device>()));
  CHECK(held_after_a_step<B, cuda::Device>() == planned(plan<B, TinyStage, cuda::Device>()));
  CHECK(held_after_a_step<R, cuda::AtomicDevice>() == planned(plan<R, TinyStage, cuda::AtomicDevice>()));
}

TEST_CASE("sums of attention in any order train alike", "[cuda][train]") {
  Training<TinyRecipe<Bf16>, cuda::Device> in_order;
  Training<TinyRecipe<Bf16>, cuda::AtomicDevice> any_order;
  const std::vector<double> want = in_order.run(4), got = any_order.run(4);
  for (std::size_t i = 0; i < want.size(); ++i) CHECK(got[i] == Approx(want[i]).epsilon(2e-3));
}

}  // namespace longsky::test
