// A data policy of one's own, and the explicit training loop around it: random tokens that must be said again.
//
//   build/native/examples/own_data        (needs no corpus; the loss falls from ln 64 = 4.2 towards 0)
#include <longsky/longsky.hpp>

#include <iostream>

namespace ls = longsky;

// begin: policy
// A policy is a pure function: sequence `draw.index` depends on the corpus, the seed and the index, on nothing else.
struct SayAgain {
  explicit SayAgain(const ls::Corpus&) {}

  void fill(ls::Sequence out, ls::Draw& draw) const {
    const auto half = static_cast<std::size_t>(out.context() / 2);
    for (std::size_t t = 0; t < out.tokens.size(); ++t) {
      const bool again = t >= half;
      out.tokens[t] = again ? out.tokens[t - half] : 1 + static_cast<int>(draw.random.below(63));
      out.roles[t] = again ? ls::Role::response : ls::Role::prompt;
      out.documents[t] = 0;
      out.positions[t] = static_cast<int>(t);
    }
  }
};
// end: policy

struct Stage {
  static constexpr ls::StageSpec spec{
      .name = "say_again", .context = 64, .sequences = 16, .steps = 300, .lr = 3e-3, .warmup = 20};
  using Data = SayAgain;
  using Mask = ls::Causal;
  using Position = ls::Rope<ls::RopeSpec{}>;
  using Objective = ls::ResponseOnly;
  using Schedule = ls::Cosine;
};

struct Recipe {
  static constexpr ls::ModelSpec model{
      .vocab = 64, .layers = 2, .width = 64, .heads = 4, .kv_heads = 4, .ffn = 96, .context = 64};
  using Layers = ls::Layers<ls::Attention, ls::FeedForward>;
  using Precision = ls::Fp32;
  using Recompute = ls::KeepActivations;
  using Init = ls::NormalInit<ls::InitSpec{.std = 0.05}>;
  using Optimizer = ls::AdamW<>;
  using Stages = ls::StageList<Stage>;
};
static_assert(ls::Recipe<Recipe>);

int main() {
  ls::cpu::Device device;
  const ls::Corpus corpus{.vocab = Recipe::model.vocab};
  ls::Weights<Recipe> weights(/*seed=*/1);
  ls::Trainer<Recipe, Stage, ls::cpu::Device> trainer(device, weights.span(), corpus, /*seed=*/1);
  while (!trainer.done()) {
    const ls::StepReport step = trainer.next();
    if (step.step % 50 == 0) std::cout << "step " << step.step << "  loss " << step.loss << '\n';
  }
  return std::cout.flush() ? 0 : 1;
}
