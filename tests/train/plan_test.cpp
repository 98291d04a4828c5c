// train/plan_test.cpp — memory: the plan is what is allocated, to the byte, and after the first step nothing is.
#include "support/catch.hpp"
#include "train/small_recipe.hpp"

#include <longsky/train/plan.hpp>

#include <stdlib.h>

#include <cstdlib>
#include <new>
#include <optional>

namespace {

// Of this thread alone: the thread that makes batches may do as it likes.
thread_local std::int64_t buffer_bytes = 0, other_bytes = 0, allocations = 0;

void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  other_bytes += static_cast<std::int64_t>(size);
  void* at = nullptr;
  if (::posix_memalign(&at, alignment, size == 0 ? 1 : size) != 0) throw std::bad_alloc();
  return at;
}

}  // namespace

// Buffers come from here, everything else from operator new.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  ++allocations;
  buffer_bytes += static_cast<std::int64_t>(size);
  void* at = nullptr;
  return ::posix_memalign(&at, alignment, size) == 0 ? at : nullptr;
}
void* operator new(std::size_t size) { return counted(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size,
                   const std::nothrow_t&) noexcept {  // a sanitizer's own would not go with our delete
  return counted(size, alignof(std::max_align_t));
}
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }

using namespace longsky;
using namespace longsky::test;

namespace {

/// 111 tokens a pass: no size is round.
struct OddStage : SmallStage {
  static constexpr StageSpec spec{
      .name = "odd", .context = 37, .sequences = 3, .accumulation = 2, .steps = 6, .lr = 1e-3};
};
struct Kept : SmallRecipe {
  using Stages = StageList<OddStage, SmallStage>;
};
struct Again : Kept {
  static constexpr ModelSpec model{.vocab = 71,
                                   .layers = 3,
                                   .width = 48,
                                   .heads = 3,
                                   .kv_heads = 3,
                                   .ffn = 25,
                                   .context = 64,
                                   .tied = true,
                                   .qkv_bias = true};
  using Recompute = RecomputeBlocks;
};
using Recipes = std::tuple<Kept, Again>;

std::int64_t bytes_of(const MemoryPlan& plan, std::string_view what) {
  for (const MemoryRow& row : plan.rows)
    if (row.what == what) return row.bytes;
  FAIL("the plan has no row " << what);
  return 0;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("the plan is what is allocated, to the byte", "[plan]", Recipes) {
  using R = TestType;
  constexpr MemoryPlan planned = plan<R, OddStage>();
  const Corpus corpus;
  cpu::Device device(2);

  buffer_bytes = 0;
  Weights<R> weights(1);
  CHECK(buffer_bytes == bytes_of(planned, "weights"));

  buffer_bytes = 0;
  Trainer<R, OddStage, cpu::Device> trainer(device, weights.span(), corpus, 1);
  CHECK(buffer_bytes == bytes_of(planned, "gradients") + bytes_of(planned, "AdamW moments") +
                            bytes_of(planned, "activations") + bytes_of(planned, "rotary table") +
                            bytes_of(planned, "step state"));

  other_bytes = 0;
  {
    const Batch one(OddStage::spec.sequences, OddStage::spec.context),
        other(OddStage::spec.sequences, OddStage::spec.context);
    CHECK(other_bytes == bytes_of(planned, "batches"));
  }
  std::int64_t sum = 0;
  for (const MemoryRow& row : planned.rows) sum += row.bytes;
  CHECK(planned.total() == sum);
  CHECK(planned.host_total() == 0);  // all of it is the host's already
  STATIC_REQUIRE(plan<R, OddStage, cpu::Device>().host_total() == 0);
}

/// All tokens are trained, so that the loss takes what is planned for it.
struct WholeText {
  explicit WholeText(const Corpus&) {}
  void fill(Sequence out, Draw& draw) const {
    for (std::size_t t = 0; t < out.tokens.size(); ++t) {
      out.tokens[t] = static_cast<std::int32_t>(draw.random.below(64));
      out.positions[t] = static_cast<std::int32_t>(t);
      out.roles[t] = Role::text;
    }
  }
};
template <class Stage>
struct Whole : Stage {
  using Data = WholeText;
};
template <class R, class PrecisionPolicy>
struct Computed : R {
  using Precision = PrecisionPolicy;
};

TEMPLATE_TEST_CASE("the plan's workspace is what the ops of a step take, for any number of threads", "[plan]",
                   (Computed<Kept, Fp32>), (Computed<Kept, Bf16>), (Computed<Again, Fp32>), (Computed<Again, Bf16>)) {
  using R = TestType;
  const int threads = GENERATE(1, 2, 5);
  const Corpus corpus;
  const auto check = [&]<class S>(S) {
    cpu::Device device(threads);
    Weights<R> weights(1);
    Trainer<R, S, cpu::Device> trainer(device, weights.span(), corpus, 1);
    trainer.next();
    CHECK(device.scratch_bytes() == bytes_of(plan<R, S, cpu::Device>(threads), "workspace"));
  };
  check(Whole<OddStage>());
  check(Whole<SmallStage>());
}

TEMPLATE_LIST_TEST_CASE("after the first step a run allocates nothing", "[plan]", Recipes) {
  using R = TestType;
  const Corpus corpus;
  cpu::Device device(2);
  Weights<R> weights(1);
  Trainer<R, OddStage, cpu::Device> trainer(device, weights.span(), corpus, 1);
  allocations = 0;
  trainer.next();
  CHECK(allocations > 0);  // they are seen
  for (int step = 2; step <= 5; ++step) {
    allocations = 0;
    trainer.next();
    CHECK(allocations == 0);
  }
}

TEST_CASE("fits says whether the largest stage does", "[plan]") {
  constexpr std::int64_t odd = plan<Kept, OddStage>().total(), small = plan<Kept, SmallStage>().total();
  STATIC_REQUIRE(small > odd);  // 256 tokens a pass against 111
  STATIC_REQUIRE(largest_plan<Kept>() == small);
  STATIC_REQUIRE(fits<Kept>(small));
  STATIC_REQUIRE(!fits<Kept>(small - 1));
  STATIC_REQUIRE(fits<Kept>(1_GiB));
  STATIC_REQUIRE(1_GiB == 1024 * 1_MiB);
}

TEST_CASE("recomputation is smaller by the activations of all blocks but one", "[plan]") {
  struct Repeated : Kept {
    using Recompute = RecomputeBlocks;
  };
  CHECK(bytes_of(plan<Repeated, SmallStage>(), "activations") < bytes_of(plan<Kept, SmallStage>(), "activations"));
  CHECK(bytes_of(plan<Repeated, SmallStage>(), "gradients") == bytes_of(plan<Kept, SmallStage>(), "gradients"));
}
