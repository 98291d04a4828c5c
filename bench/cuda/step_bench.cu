// bench/cuda/step_bench.cu — whole training steps of the models of examples/long_125m.cu and long_1b.cu at their long
// context, of one pass: forward, backward, clipping, AdamW, every token trained. Model FLOP; what is computed twice does
// not count.
#include "measure.cuh"

#include <longsky/cuda.cuh>
#include <longsky/spec/cost.hpp>

#include <cstdint>
#include <string>

namespace longsky::bench {

namespace {

/// Random tokens in one document.
struct RandomTokens {
  explicit RandomTokens(const Corpus&) {}
  void fill(Sequence out, Draw& draw) const {
    for (std::size_t t = 0; t < out.tokens.size(); ++t) {
      out.tokens[t] = static_cast<std::int32_t>(draw.random.below(32'000));
      out.roles[t] = Role::text;
      out.documents[t] = 0;
      out.positions[t] = static_cast<std::int32_t>(t);
    }
  }
};

template <ModelSpec M>
struct Step {
  static constexpr StageSpec spec{.name = "step", .context = M.context, .steps = 1'000'000, .lr = 1e-5};
  using Data = RandomTokens;
  using Mask = Causal;
  using Position = Rope<RopeSpec{.base = 500'000}>;
  using Objective = NextToken;
  using Schedule = Constant;
};
template <ModelSpec M>
struct OneStage {
  static constexpr ModelSpec model = M;
  using Layers = longsky::Layers<Attention, FeedForward>;
  using Precision = Bf16;
  using Recompute = KeepActivations;
  using Init = NormalInit<>;
  using Optimizer = AdamW<>;
  using Stages = StageList<Step<M>>;
};

constexpr ModelSpec of_125m{
    .vocab = 32768, .layers = 12, .width = 768, .heads = 12, .kv_heads = 4, .ffn = 2048, .context = 8192, .tied = true};
constexpr ModelSpec of_1b{
    .vocab = 128256, .layers = 16, .width = 2048, .heads = 32, .kv_heads = 8, .ffn = 8192, .context = 32768, .tied = true};

template <ModelSpec M>
void step(benchmark::State& state) {
  using R = OneStage<M>;
  const Corpus no_corpus;
  Weights<R> weights(1);
  struct Nothing {};
  std::vector<Nothing> once(1);  // a model is larger than any cache
  Trainer<R, Step<M>, cuda::Device> trainer(gpu(), weights.span(), no_corpus, 1);
  for (int warm = 0; warm < 3; ++warm) trainer.next();  // as it is, recorded, replayed
  measure<Bound::product>(state, training_flops(M, 1, M.context, M.context).total(), once,
                          [&](Nothing&) { trainer.next(); });
}

const bool added = add("cuda.step.125m.t8192", step<of_125m>) && add("cuda.step.1b.t32768", step<of_1b>);

}  // namespace

}  // namespace longsky::bench
