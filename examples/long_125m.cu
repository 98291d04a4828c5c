// 125 million parameters (GPT-2 small's width and depth in Llama's shape): 8,192 tokens after 1,024. A GPU of 24 GB.
//
//   build/native/examples/long_125m plan        (train, eval, generate, report; --help)
#include "four_stages.hpp"

#include <longsky/cuda.cuh>
#include <longsky/program/program.hpp>

using namespace ls::literals;
using ShortPositions = ls::Rope<ls::RopeSpec{.base = 10'000}>;
using LongPositions = ls::Rope<ls::RopeSpec{.base = 500'000}>;

struct Pretrain : stages::Pretrain<ShortPositions> {
  static constexpr ls::StageSpec spec{.name = "pretrain",
                                      .context = 1024,
                                      .sequences = 8,
                                      .accumulation = 32,
                                      .steps = 4000,
                                      .lr = 6e-4,
                                      .warmup = 200};
};
struct LongPretrain : stages::LongPretrain<LongPositions> {
  static constexpr ls::StageSpec spec{.name = "long_pretrain",
                                      .context = 8192,
                                      .sequences = 1,
                                      .accumulation = 32,
                                      .steps = 1000,
                                      .lr = 2e-4,
                                      .warmup = 50};
};
struct Sft : stages::Sft<LongPositions> {
  static constexpr ls::StageSpec spec{
      .name = "sft", .context = 1024, .sequences = 8, .accumulation = 8, .steps = 500, .lr = 1e-4, .warmup = 20};
};
struct LongSft : stages::LongSft<LongPositions> {
  static constexpr ls::StageSpec spec{
      .name = "long_sft", .context = 8192, .sequences = 2, .accumulation = 8, .steps = 200, .lr = 1e-4, .warmup = 10};
};
struct Long125m {
  static constexpr ls::ModelSpec model{.vocab = 32768,
                                       .layers = 12,
                                       .width = 768,
                                       .heads = 12,
                                       .kv_heads = 4,
                                       .ffn = 2048,
                                       .context = 8192,
                                       .tied = true};
  using Layers = ls::Layers<ls::Attention, ls::FeedForward>;
  using Precision = ls::Bf16;
  using Recompute = ls::KeepActivations;
  using Init = ls::NormalInit<>;
  using Optimizer = ls::AdamW<ls::AdamWSpec{.weight_decay = 0.1f}>;
  using Stages = ls::StageList<Pretrain, LongPretrain, Sft, LongSft>;
};
static_assert(ls::fits<Long125m, ls::cuda::Device>(22_GiB));
int main(int argc, char** argv) { return ls::program<Long125m, ls::cuda::Device>(argc, argv); }
