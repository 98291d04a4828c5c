// tests/cuda/plan_test.cpp — what a step holds on a GPU, to the byte: in the emulation, since a driver hands memory out
// in pages.
#include "cuda/tiny_recipe.hpp"
#include "emulation/runtime.hpp"
#include "support/catch.hpp"

#include <longsky/cuda.cuh>
#include <longsky/program/describe.hpp>

#include <stdlib.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

thread_local std::int64_t buffer_bytes = 0;  // of this thread, from where Buffers come

}  // namespace

extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  buffer_bytes += static_cast<std::int64_t>(size);
  void* at = nullptr;
  return ::posix_memalign(&at, alignment, size) == 0 ? at : nullptr;
}

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

TEMPLATE_TEST_CASE("the plan is what a step holds on the GPU, to the byte", "[cuda][emulation][plan][repeats]", Fp32, Bf16,
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

namespace {

std::int64_t host_bytes_of(const MemoryPlan& plan, std::string_view what) {
  for (const MemoryRow& row : plan.host_rows)
    if (row.what == what) return row.bytes;
  FAIL("the plan has no row of the host's for " << what);
  return 0;
}

template <class R>
void check_host_rows() {
  constexpr MemoryPlan planned = plan<R, TinyStage, cuda::Device>();
  cuda::Device device;
  buffer_bytes = 0;
  Weights<R> weights(1);
  CHECK(buffer_bytes == host_bytes_of(planned, "weights"));

  buffer_bytes = 0;
  const std::size_t pinned_before = emulation::pinned_bytes();
  Trainer<R, TinyStage, cuda::Device> trainer(device, weights.span(), no_corpus, 1);
  trainer.next();
  trainer.publish();
  CHECK(buffer_bytes == host_bytes_of(planned, "AdamW moments"));
  CHECK(static_cast<std::int64_t>(emulation::pinned_bytes() - pinned_before) ==
        host_bytes_of(planned, "pinned for transfers"));

  const Batch one(TinyStage::spec.sequences, TinyStage::spec.context);
  CHECK(host_bytes_of(planned, "batches") ==
        2 * 4 * static_cast<std::int64_t>(one.tokens.size() * sizeof one.tokens[0]));
  std::int64_t sum = 0;
  for (const MemoryRow& row : planned.host_rows) sum += row.bytes;
  CHECK(planned.host_total() == sum);
}

}  // namespace

TEMPLATE_TEST_CASE("the plan's rows of the host are what it holds beside a GPU, to the byte", "[cuda][emulation][plan]",
                   Fp32, Bf16, Bf16Stochastic) {
  check_host_rows<TinyRecipe<TestType>>();
  check_host_rows<BiasedRecipe<TestType>>();
}

TEST_CASE("what the host holds beside a GPU is not counted against the GPU's memory", "[cuda][plan]") {
  using R = TinyRecipe<Bf16>;
  constexpr MemoryPlan planned = plan<R, TinyStage, cuda::Device>();
  std::int64_t of_device = 0;
  for (const MemoryRow& row : planned.rows) of_device += row.bytes;
  CHECK(planned.total() == of_device);
  STATIC_REQUIRE(largest_plan<R, cuda::Device>() == planned.total());
  STATIC_REQUIRE(largest_host_plan<R, cuda::Device>() == planned.host_total());
  STATIC_REQUIRE(fits<R, cuda::Device>(planned.total()));
  STATIC_REQUIRE(!fits<R, cuda::Device>(planned.total() - 1));
}

TEST_CASE("the plan's table shows the device's memory and the host's apart", "[cuda][plan]") {
  using R = TinyRecipe<Bf16>;
  constexpr MemoryPlan planned = plan<R, TinyStage, cuda::Device>();
  const std::string table = plan_table<R, cuda::Device>(1);
  const auto row = [&](const std::string& what) {
    const std::size_t at = table.find("\n" + what + "  ");
    REQUIRE(at != std::string::npos);
    const std::string line = table.substr(at + 1, table.find('\n', at + 1) - at - 1);
    return line.substr(line.find_first_not_of(' ', what.size()));
  };
  CHECK(row("device's memory in all") == words::bytes(planned.total()));
  for (const MemoryRow& of_host : planned.host_rows)
    CHECK(row("host: " + std::string(of_host.what)) == words::bytes(of_host.bytes));
  CHECK(row("host's memory in all") == words::bytes(planned.host_total()));
  CHECK(table.find("the most at any time: " + words::bytes(planned.total()) + " of the device's memory and " +
                   words::bytes(planned.host_total()) + " of the host's;") != std::string::npos);
}

}  // namespace longsky::test
