// train/small_recipe.hpp — a recipe so small that a step takes a millisecond, and data made of nothing but the index.
#pragma once

#include <longsky/cpu/cpu.hpp>
#include <longsky/nn/init.hpp>
#include <longsky/optim/adamw.hpp>
#include <longsky/train/recipe.hpp>
#include <longsky/train/trainer.hpp>

#include <cstdint>
#include <vector>

namespace longsky::test {

/// Random tokens in two documents, of which the odd sequences train all and the even ones every eleventh.
struct UnevenText {
  explicit UnevenText(const Corpus&) {}
  void fill(Sequence out, Draw& draw) const {
    for (std::size_t t = 0; t < out.tokens.size(); ++t) {
      out.tokens[t] = static_cast<std::int32_t>(draw.random.below(64));
      out.roles[t] = draw.index % 2 == 1 || t % 11 == 0 ? Role::text : Role::silent;
      out.documents[t] = t < out.tokens.size() / 3 ? 0 : 1;
      out.positions[t] = static_cast<std::int32_t>(t);
    }
  }
};

struct SmallStage {
  static constexpr StageSpec spec{.name = "small", .context = 64, .sequences = 4, .steps = 6, .lr = 1e-2, .warmup = 2};
  using Data = UnevenText;
  using Mask = WithinDocument<>;
  using Position = Rope<RopeSpec{.base = 1000}>;
  using Objective = NextToken;
  using Schedule = Cosine;
};

struct SmallRecipe {
  static constexpr ModelSpec model{
      .vocab = 64, .layers = 2, .width = 32, .heads = 2, .kv_heads = 1, .ffn = 40, .context = 64};
  using Layers = longsky::Layers<Attention, FeedForward>;
  using Precision = Fp32;
  using Recompute = KeepActivations;
  using Init = NormalInit<InitSpec{.std = 0.2}>;
  using Optimizer = AdamW<>;
  using Stages = StageList<SmallStage>;
};

inline std::vector<float> copy_of(std::span<const float> values) { return {values.begin(), values.end()}; }

}  // namespace longsky::test
