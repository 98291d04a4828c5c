// bench/nn/step_bench.cpp — whole training steps: forward, backward, clipping, AdamW, every token trained.
//
// `fraction` is the FLOP/s that the model needs (spec/cost.hpp) over the float FMA peak of the same process; `gemm_ms`
// … say where a step's time goes. Steps with bfloat16 factors are held against the same peak.
#include "../measure.hpp"
#include "timed_device.hpp"

#include <longsky/core/random.hpp>
#include <longsky/nn/decoder.hpp>
#include <longsky/nn/init.hpp>
#include <longsky/optim/adamw.hpp>
#include <longsky/spec/cost.hpp>
#include <longsky/spec/mask.hpp>
#include <longsky/spec/precision.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using namespace longsky;

constexpr ModelSpec model_a{
    .vocab = 512, .layers = 4, .width = 128, .heads = 4, .kv_heads = 4, .ffn = 384, .context = 4096};
constexpr ModelSpec model_b{
    .vocab = 4096, .layers = 6, .width = 256, .heads = 4, .kv_heads = 4, .ffn = 768, .context = 4096};

template <ModelSpec M, class Precision>
using Llama = Net<M, Layers<Attention, FeedForward>, Causal, Precision>;

/// A model, its optimizer and one batch of random tokens.
template <class Network>
class Training {
 public:
  using Layout = WeightLayout<Network>;
  using Optimizer = AdamW<>;

  Training(timed::Device& device, int sequences, int context)
      : device_(device),
        context_(context),
        weights_(static_cast<std::size_t>(Layout::size)),
        gradients_(weights_.size()),
        state_(device, Layout::size),
        groups_(Optimizer::groups<Layout>()),
        decoder_(device, std::int64_t{sequences} * context, RopeSpec{}, context) {
    NormalInit<>::initialise<Network>(weights_.span(), 1, RopeSpec{});
    Random random(1, stream_of("tokens"), 0);
    for (int s = 0; s < sequences; ++s)
      for (int t = 0; t <= context; ++t) {
        const auto token = static_cast<std::int32_t>(random.below(Network::model.vocab));
        if (t > 0) targets_.push_back(token);
        if (t == context) continue;
        tokens_.push_back(token);
        positions_.push_back(t);
        documents_.push_back(0);
      }
  }

  double tokens() const { return static_cast<double>(tokens_.size()); }

  void step() {
    fill_zero(device_, gradients_.span());
    decoder_.forward_backward(weights_.span(), gradients_.span(),
                              {tokens_, targets_, documents_, positions_, context_, nullptr}, 1.0f);
    const double norm = std::sqrt(sum_of_squares(device_, gradients_.span())) / tokens();
    StepScale scale = Optimizer::scale(1e-3, ++steps_);
    scale.gradient_scale = Optimizer::clip(norm) / static_cast<float>(tokens());
    Optimizer::update<timed::Device, float, float, float>(device_, groups_, weights_.span(), state_, gradients_.span(),
                                                          &scale, nullptr);
  }

 private:
  timed::Device& device_;
  int context_;
  Buffer<float> weights_, gradients_;
  Optimizer::State<timed::Device> state_;
  std::vector<Optimizer::Group> groups_;
  Decoder<Network, timed::Device> decoder_;
  std::vector<std::int32_t> tokens_, targets_, documents_, positions_;
  std::int64_t steps_ = 0;
};

template <ModelSpec M, class Precision>
void train(benchmark::State& state, int sequences, int context) {
  cpu::Device cpu;
  timed::Device device{cpu};
  const double flops = training_flops(M, sequences, context, double(sequences) * context).total();
  Training<Llama<M, Precision>> training(device, sequences, context);
  std::int64_t runs = -2;
  bench::measure_flop(state, cpu, flops, [&] {
    training.step();
    if (++runs == 0) device.seconds = {};  // the first two warm up
  });

  using benchmark::Counter;
  state.counters["tokens/s"] = Counter(training.tokens(), Counter::kIsIterationInvariantRate);
  for (std::size_t a = 0; a < timed::account_names.size(); ++a)
    state.counters[std::string(timed::account_names[a]) + "_ms"] = 1e3 * device.seconds[a] / static_cast<double>(runs);
}

template <ModelSpec M, class Precision>
void add(const std::string& key, const std::string& precision) {
  for (const auto& [sequences, context] : {std::pair{4, 512}, std::pair{1, 4096}})
    benchmark::RegisterBenchmark((key + std::to_string(context) + '/' + precision).c_str(), train<M, Precision>,
                                 sequences, context)
        ->Unit(benchmark::kMillisecond)
        ->UseManualTime()
        ->MinTime(0.3)
        ->Repetitions(3);
}

const bool added = [] {
  add<model_a, Fp32>("step.A.", "fp32");
  add<model_b, Fp32>("step.B.", "fp32");
  add<model_a, Bf16>("step_bf16.A.", "bf16");
  add<model_b, Bf16>("step_bf16.B.", "bf16");
  return true;
}();

}  // namespace
