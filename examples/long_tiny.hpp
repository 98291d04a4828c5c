// The LongSkywork recipe on a laptop: a small model learns to read 8 times further than it was pretrained to.
#pragma once
#include <longsky/network.hpp>

namespace ls = longsky;
using ls::Weighted, ls::RopeSpec;

using ShortPositions = ls::Rope<RopeSpec{.base = 10'000}>;
using LongPositions = ls::Rope<RopeSpec{.base = 1'000'000}>;  // adjusted base frequency, from stage 2 on
using Records = ls::MixedDocuments<Weighted<ls::RecordLists<>, 60>, Weighted<ls::TextWindows, 40>>;

struct Pretrain {  // lists of growing length first, then text among lists
  static constexpr ls::StageSpec spec{
      .name = "pretrain", .context = 256, .sequences = 16, .steps = 500, .lr = 1.5e-3, .warmup = 20};
  using Data = ls::Curriculum<ls::Until<ls::KeyValueLists<>, 50>, ls::PackedDocuments<Records, 64, 96, 128, 256>>;
  using Mask = ls::WithinDocument<>;
  using Position = ShortPositions;
  using Objective = ls::NextToken;
  using Schedule = ls::StableDecay<40>;
};
struct LongPretrain {  // documents cut in two and interleaved (CIP)
  static constexpr ls::StageSpec spec{
      .name = "long_pretrain", .context = 2048, .sequences = 2, .steps = 120, .lr = 8e-4, .warmup = 10};
  using Data = ls::ChunkInterleave<Records>;
  using Mask = ls::Causal;
  using Position = LongPositions;
  using Objective = ls::NextToken;
  using Schedule = ls::Cosine;
};
struct Sft {  // short questions and answers
  static constexpr ls::StageSpec spec{
      .name = "sft", .context = 256, .sequences = 16, .steps = 300, .lr = 1.5e-3, .warmup = 15};
  using Data = ls::ShortInstructions<>;
  using Mask = ls::WithinDocument<>;
  using Position = LongPositions;
  using Objective = ls::ResponseOnly;
  using Schedule = ls::Cosine;
};
struct LongSft {  // 200 iterations on tables that fill the context (SynL), a third of them short questions
  static constexpr ls::StageSpec spec{
      .name = "long_sft", .context = 2048, .sequences = 3, .steps = 200, .lr = 8e-4, .warmup = 10};
  using Data = ls::SideBySide<Weighted<ls::LengthyTables<>, 2>, Weighted<ls::ShortInstructions<>, 1>>;
  using Mask = ls::WithinDocument<>;
  using Position = LongPositions;
  using Objective = ls::ResponseOnly;
  using Schedule = ls::Cosine;
};
struct LongTiny {
  static constexpr ls::ModelSpec model{.vocab = 2614, .layers = 3, .width = 128, .heads = 4, .kv_heads = 4, .ffn = 256,
                                       .context = 2048, .tied = true, .qkv_bias = true, .embedding_scale = 5};
  using Layers = ls::Layers<ls::Attention, ls::FeedForward>;
  using Precision = ls::Fp32;
  using Recompute = ls::KeepActivations;
  using Init = ls::InductionInit<>;  // ours, not the paper's: see docs
  using Optimizer = ls::AdamW<>;
  using Stages = ls::StageList<Pretrain, LongPretrain, Sft, LongSft>;
};
