// tests/cuda/tiny_recipe.hpp — a recipe whose step takes a GPU that is emulated a tenth of a second.
#pragma once

#include "train/small_recipe.hpp"

namespace longsky::test {

inline const Corpus no_corpus;

struct TinyStage : SmallStage {
  static constexpr StageSpec spec{
      .name = "small", .context = 32, .sequences = 2, .accumulation = 2, .steps = 6, .lr = 3e-3, .warmup = 2};
};
template <class PrecisionPolicy>
struct TinyRecipe : SmallRecipe {
  static constexpr ModelSpec model{
      .vocab = 64, .layers = 1, .width = 64, .heads = 2, .kv_heads = 1, .ffn = 40, .context = 64};
  using Precision = PrecisionPolicy;
  using Stages = StageList<TinyStage>;
};

}  // namespace longsky::test
