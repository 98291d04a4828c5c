// 1.2 billion parameters (the shape of Llama-3.2-1B): 32,768 tokens after 4,096. A GPU of 80 GB.
//
//   build/native/examples/long_1b plan        (train, eval, generate, report; --help)
#include "four_stages.hpp"

#include <longsky/cuda.cuh>
#include <longsky/program/program.hpp>

using namespace ls::literals;
using ShortPositions = ls::Rope<ls::RopeSpec{.base = 10'000}>;
using LongPositions = ls::Rope<ls::RopeSpec{.base = 1'000'000}>;

struct Pretrain : stages::Pretrain<ShortPositions> {
  static constexpr ls::StageSpec spec{.name = "pretrain",
                                      .context = 4096,
                                      .sequences = 4,
                                      .accumulation = 16,
                                      .steps = 10000,
                                      .lr = 4e-4,
                                      .warmup = 500};
};
struct LongPretrain : stages::LongPretrain<LongPositions> {
  static constexpr ls::StageSpec spec{.name = "long_pretrain",
                                      .context = 32768,
                                      .sequences = 1,
                                      .accumulation = 32,
                                      .steps = 1000,
                                      .lr = 1e-4,
                                      .warmup = 50};
};
struct Sft : stages::Sft<LongPositions> {
  static constexpr ls::StageSpec spec{
      .name = "sft", .context = 4096, .sequences = 4, .accumulation = 4, .steps = 1000, .lr = 5e-5, .warmup = 50};
};
struct LongSft : stages::LongSft<LongPositions> {
  static constexpr ls::StageSpec spec{
      .name = "long_sft", .context = 32768, .sequences = 1, .accumulation = 16, .steps = 200, .lr = 5e-5, .warmup = 10};
};
struct Long1b {
  static constexpr ls::ModelSpec model{.vocab = 128256,
                                       .layers = 16,
                                       .width = 2048,
                                       .heads = 32,
                                       .kv_heads = 8,
                                       .ffn = 8192,
                                       .context = 32768,
                                       .tied = true};
  using Layers = ls::Layers<ls::Attention, ls::FeedForward>;
  using Precision = ls::Bf16;
  using Recompute = ls::KeepActivations;
  using Init = ls::NormalInit<>;
  using Optimizer = ls::AdamW<ls::AdamWSpec{.weight_decay = 0.1f}>;
  using Stages = ls::StageList<Pretrain, LongPretrain, Sft, LongSft>;
};
static_assert(ls::fits<Long1b, ls::cuda::Device>(78_GiB));
int main(int argc, char** argv) { return ls::program<Long1b, ls::cuda::Device>(argc, argv); }
