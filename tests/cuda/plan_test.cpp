// tests/cuda/plan_test.cpp — what a step holds on a GPU, to the byte: in the emulation, since a driver hands memory out
// in pages.
#include "cuda/tiny_recipe.hpp"
#include "emulation/runtime.hpp"
#include "support/catch.hpp"

#include <longsky/cuda.cuh>

#include <cstdint>

namespace longsky::test {

namespace {

template <class PrecisionPolicy>
struct BiasedRecipe : TinyRecipe<PrecisionPolicy> {
  static constexpr ModelSpec model{
      .vocab = 71, .layers = 2, .width = 64, .heads = 2, .kv_heads = 2, .ffn = 40, .context = 64, .qkv_bias = true};
  using Recompute = RecomputeBlocks;
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

TEST_CASE("after the first step a run on a GPU allocates nothing", "[cuda][emulation][plan]") {
  using R = TinyRecipe<Bf16>;
  cuda::Device device;
  Weights<R> weights(1);
  Trainer<R, TinyStage, cuda::Device> trainer(device, weights.span(), no_corpus, 1);
  trainer.next();
  const std::int64_t free = device.memory_bytes();
  const int growths = device.growths();
  for (int step = 0; step < 2; ++step) trainer.next();
  CHECK(device.memory_bytes() == free);
  CHECK(device.growths() == growths);
}

TEMPLATE_TEST_CASE("the plan is what a step holds on the GPU, to the byte", "[cuda][emulation][plan]", Fp32, Bf16,
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

}  // namespace longsky::test
