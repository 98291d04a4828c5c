// train/recipe_test.cpp — what a recipe's type says: which are recipes, in which order their stages and parameters are.
#include "support/catch.hpp"
#include "train/small_recipe.hpp"

#include <longsky/train/plan.hpp>

#include <set>
#include <string>
#include <vector>

using namespace longsky;
using namespace longsky::test;

namespace {

struct LongStage : SmallStage {
  static constexpr StageSpec spec{
      .name = "long", .context = 48, .sequences = 2, .accumulation = 3, .steps = 5, .lr = 1e-3, .floor = 0};
  using Mask = Causal;
};
struct TwoStages : SmallRecipe {
  using Stages = StageList<SmallStage, LongStage>;
};

// One part taken away or made wrong; asked as a question, the answer is no, and nothing fails to compile.
struct NoModel {
  using Layers = SmallRecipe::Layers;
  using Precision = Fp32;
  using Recompute = KeepActivations;
  using Init = NormalInit<>;
  using Optimizer = AdamW<>;
  using Stages = StageList<SmallStage>;
};
struct WrongPrecision : SmallRecipe {
  using Precision = int;
};
struct NotAStage : SmallRecipe {
  using Stages = StageList<SmallStage, int>;
};
struct NotAList : SmallRecipe {
  using Stages = SmallStage;
};
struct MaskIsData : SmallStage {
  using Mask = UnevenText;
};
struct DataIsMask : SmallStage {
  using Data = Causal;
};
struct ScheduleIsNone : SmallStage {
  using Schedule = int;
};
struct SpecIsInt : SmallStage {
  static constexpr int spec = 3;
};

}  // namespace

TEST_CASE("what is a recipe, and what is not", "[types]") {
  STATIC_REQUIRE(Recipe<SmallRecipe>);
  STATIC_REQUIRE(Recipe<TwoStages>);
  STATIC_REQUIRE(!Recipe<NoModel>);
  STATIC_REQUIRE(!Recipe<WrongPrecision>);
  STATIC_REQUIRE(!Recipe<NotAStage>);
  STATIC_REQUIRE(!Recipe<NotAList>);
  STATIC_REQUIRE(!Recipe<int>);
  STATIC_REQUIRE(Stage<SmallStage>);
  STATIC_REQUIRE(!Stage<MaskIsData>);
  STATIC_REQUIRE(!Stage<DataIsMask>);
  STATIC_REQUIRE(!Stage<ScheduleIsNone>);
  STATIC_REQUIRE(!Stage<SpecIsInt>);
}

TEST_CASE("stages are visited in order, and the last one's mask is the model's", "[types]") {
  std::vector<std::string> names;
  for_each_stage<TwoStages>([&]<class S>(std::size_t i) { names.push_back(std::to_string(i) + S::spec.name); });
  CHECK(names == std::vector<std::string>{"0small", "1long"});
  STATIC_REQUIRE(std::is_same_v<FinalMask<TwoStages>, Causal>);
  STATIC_REQUIRE(std::is_same_v<FinalMask<SmallRecipe>, WithinDocument<>>);
  STATIC_REQUIRE(LongStage::spec.tokens_per_pass() == 96);
  STATIC_REQUIRE(LongStage::spec.tokens_per_step() == 288);
}

TEST_CASE("the work of a step grows with its passes, and attention with the square of the context", "[types]") {
  constexpr Flops step = step_flops<TwoStages, LongStage>();
  constexpr Flops pass = training_flops(TwoStages::model, 2, 48, 96);
  STATIC_REQUIRE(step.total() == 3 * pass.total());
  constexpr Flops doubled = training_flops(TwoStages::model, 1, 96, 96);
  STATIC_REQUIRE(doubled.attention == 2 * pass.attention);
  STATIC_REQUIRE(doubled.body == pass.body);
}

TEST_CASE("every weight belongs to one named tensor, padding to none") {
  Weights<SmallRecipe> weights(3);
  const std::vector<TensorRef> tensors = named_tensors<SmallRecipe>(weights.span());
  std::set<std::string> names;
  std::int64_t sum = 0;
  const float* end = weights.span().data();
  for (const TensorRef& t : tensors) {
    CHECK(names.insert(t.name).second);
    CHECK(t.data.data() >= end);  // in order, none overlaps another
    end = t.data.data() + t.data.size();
    std::int64_t size = 1;
    for (std::int64_t n : t.shape) size *= n;
    CHECK(size == static_cast<std::int64_t>(t.data.size()));
    sum += size;
  }
  CHECK(end <= weights.span().data() + weights.span().size());
  CHECK(sum == parameters(SmallRecipe::model));
  CHECK(names.count("embedding") + names.count("head") + names.count("final_norm") == 3);
  CHECK(names.count("layers.0.qkv") + names.count("layers.1.attention_out") == 2);
  CHECK(tensors.front().shape == std::vector<std::int64_t>{64, 32});
}

TEST_CASE("a seed is a model", "[types]") {
  const Weights<SmallRecipe> a(3), b(3), c(4);
  CHECK(copy_of(a.span()) == copy_of(b.span()));
  CHECK(copy_of(a.span()) != copy_of(c.span()));
}
