// 8 billion parameters (the shape of Llama-3-8B): 32,768 tokens after 8,192. A GPU of 141 GB: weights and moments are
// bfloat16 alone, and rounded at random.
//
//   build/native/examples/long_8b plan        (train, eval, generate, report; --help)
#include "four_stages.hpp"

#include <longsky/cuda.cuh>
#include <longsky/program/program.hpp>

using namespace ls::literals;
using ShortPositions = ls::Rope<ls::RopeSpec{.base = 500'000}>;
using LongPositions = ls::Rope<ls::RopeSpec{.base = 8'000'000}>;

struct Pretrain : stages::Pretrain<ShortPositions> {
  static constexpr ls::StageSpec spec{.name = "pretrain",
                                      .context = 8192,
                                      .sequences = 1,
                                      .accumulation = 64,
                                      .steps = 10000,
                                      .lr = 3e-4,
                                      .warmup = 500};
};
struct LongPretrain : stages::LongPretrain<LongPositions> {
  static constexpr ls::StageSpec spec{.name = "long_pretrain",
                                      .context = 32768,
                                      .sequences = 1,
                                      .accumulation = 64,
                                      .steps = 1000,
                                      .lr = 2e-5,
                                      .warmup = 50};
};
struct Sft : stages::Sft<LongPositions> {
  static constexpr ls::StageSpec spec{
      .name = "sft", .context = 8192, .sequences = 1, .accumulation = 32, .steps = 1000, .lr = 2e-5, .warmup = 50};
};
struct LongSft : stages::LongSft<LongPositions> {
  static constexpr ls::StageSpec spec{
      .name = "long_sft", .context = 32768, .sequences = 1, .accumulation = 32, .steps = 200, .lr = 2e-5, .warmup = 10};
};
struct Long8b {
  static constexpr ls::ModelSpec model{
      .vocab = 128256, .layers = 32, .width = 4096, .heads = 32, .kv_heads = 8, .ffn = 14336, .context = 32768};
  using Layers = ls::Layers<ls::Attention, ls::FeedForward>;
  using Precision = ls::Bf16Stochastic;
  using Recompute = ls::RecomputeBlocks;
  using Init = ls::NormalInit<>;
  using Optimizer = ls::AdamW<ls::AdamWSpec{.weight_decay = 0.1f}>;
  using Stages = ls::StageList<Pretrain, LongPretrain, Sft, LongSft>;
};
static_assert(ls::fits<Long8b, ls::cuda::Device>(138_GiB) && !ls::fits<Long8b, ls::cuda::Device>(78_GiB));
int main(int argc, char** argv) { return ls::program<Long8b, ls::cuda::Device>(argc, argv); }
