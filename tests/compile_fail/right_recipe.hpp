// tests/compile_fail/right_recipe.hpp — a recipe without a mistake; each wrong program beside it changes one thing.
#pragma once

#include <longsky/nn/init.hpp>
#include <longsky/optim/adamw.hpp>
#include <longsky/train/recipe.hpp>

namespace right {

using namespace longsky;

/// Text, laid out as the flags say.
template <bool CrossesDocuments, bool AnswersQuestions>
struct Text {
  static constexpr bool crosses_documents = CrossesDocuments;
  static constexpr bool answers_questions = AnswersQuestions;
  explicit Text(const Corpus&);
  void fill(Sequence out, Draw draw) const;
};
using Books = Text<false, false>;
using InterleavedBooks = Text<true, false>;
using Questions = Text<false, true>;

struct Stage {
  static constexpr StageSpec spec{.name = "pretrain", .context = 64, .sequences = 2, .steps = 10, .lr = 1e-3};
  using Data = Books;
  using Mask = Causal;
  using Position = Rope<RopeSpec{.base = 10'000}>;
  using Objective = NextToken;
  using Schedule = Cosine;
};

struct Recipe {
  static constexpr ModelSpec model{
      .vocab = 512, .layers = 2, .width = 128, .heads = 4, .kv_heads = 2, .ffn = 256, .context = 64};
  using Layers = longsky::Layers<Attention, FeedForward>;
  using Precision = Fp32;
  using Recompute = KeepActivations;
  using Init = NormalInit<>;
  using Optimizer = AdamW<>;
  using Stages = StageList<Stage>;
};

static_assert(longsky::Recipe<Recipe>);

}  // namespace right
