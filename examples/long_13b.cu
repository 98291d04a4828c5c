// 13.9 billion parameters (the shape of Skywork-13B): 200,000 tokens after 4,096, as LongSkywork. More than one GPU of
// today holds: `plan` says by how much, `train` refuses.
//
//   build/native/examples/long_13b plan        (train, eval, generate, report; --help)
#include "four_stages.hpp"

#include <longsky/cuda.cuh>
#include <longsky/program/program.hpp>

using namespace ls::literals;
using ShortPositions = ls::Rope<ls::RopeSpec{.base = 10'000}>;
using LongPositions = ls::Rope<ls::RopeSpec{.base = 5'000'000}>;

struct Pretrain : stages::Pretrain<ShortPositions> {
  static constexpr ls::StageSpec spec{.name = "pretrain",
                                      .context = 4096,
                                      .sequences = 1,
                                      .accumulation = 1024,
                                      .steps = 10000,
                                      .lr = 6e-4,
                                      .warmup = 500};
};
struct LongPretrain : stages::LongPretrain<LongPositions> {
  static constexpr ls::StageSpec spec{.name = "long_pretrain",
                                      .context = 200000,
                                      .sequences = 1,
                                      .accumulation = 20,
                                      .steps = 1000,
                                      .lr = 2e-5,
                                      .warmup = 200};
};
struct Sft : stages::Sft<LongPositions> {
  static constexpr ls::StageSpec spec{
      .name = "sft", .context = 4096, .sequences = 1, .accumulation = 64, .steps = 1000, .lr = 2e-5, .warmup = 50};
};
struct LongSft : stages::LongSft<LongPositions> {
  static constexpr ls::StageSpec spec{.name = "long_sft",
                                      .context = 200000,
                                      .sequences = 1,
                                      .accumulation = 20,
                                      .steps = 200,
                                      .lr = 2e-5,
                                      .warmup = 10};
};
struct Long13b {
  static constexpr ls::ModelSpec model{
      .vocab = 65536, .layers = 52, .width = 4608, .heads = 36, .kv_heads = 36, .ffn = 12288, .context = 200000};
  using Layers = ls::Layers<ls::Attention, ls::FeedForward>;
  using Precision = ls::Bf16Stochastic;
  using Recompute = ls::RecomputeBlocks;
  using Init = ls::NormalInit<ls::InitSpec{.std = 0.01}>;
  using Optimizer = ls::AdamW<ls::AdamWSpec{.weight_decay = 0.1f}>;
  using Stages = ls::StageList<Pretrain, LongPretrain, Sft, LongSft>;
};
static_assert(!ls::fits<Long13b, ls::cuda::Device>(180_GiB));
int main(int argc, char** argv) { return ls::program<Long13b, ls::cuda::Device>(argc, argv); }
