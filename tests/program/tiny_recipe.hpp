// program/tiny_recipe.hpp — a recipe whose whole run takes a second, so that tests can stop, kill and compare runs.
#pragma once

#include <longsky/network.hpp>

namespace ls = longsky;

struct Pretrain {
  static constexpr ls::StageSpec spec{
      .name = "pretrain", .context = 128, .sequences = 1, .accumulation = 2, .steps = 5, .lr = 3e-3, .warmup = 2};
  using Data = ls::Curriculum<ls::Until<ls::KeyValueLists<>, 40>, ls::PackedDocuments<ls::TextWindows, 48, 96>>;
  using Mask = ls::WithinDocument<>;
  using Position = ls::Rope<ls::RopeSpec{.base = 1'000}>;
  using Objective = ls::NextToken;
  using Schedule = ls::StableDecay<40>;
};
struct Sft : Pretrain {
  static constexpr ls::StageSpec spec{.name = "sft", .context = 128, .sequences = 2, .steps = 4, .lr = 1e-3};
  using Data = ls::ShortInstructions<>;
  using Objective = ls::ResponseOnly;
};
struct LongText : Pretrain {
  static constexpr ls::StageSpec spec{.name = "long_text", .context = 256, .sequences = 1, .steps = 4, .lr = 1e-3};
  using Data = ls::PackedDocuments<ls::TextWindows>;
  using Position = ls::Rope<ls::RopeSpec{.base = 50'000}>;
  using Schedule = ls::Cosine;
};
struct Tiny {
  static constexpr ls::ModelSpec model{
      .vocab = 1564, .layers = 1, .width = 32, .heads = 2, .kv_heads = 1, .ffn = 32, .context = 256, .tied = true};
  using Layers = ls::Layers<ls::Attention, ls::FeedForward>;
  using Precision = ls::Fp32;
  using Recompute = ls::KeepActivations;
  using Init = ls::NormalInit<>;
  using Optimizer = ls::AdamW<>;
  using Stages = ls::StageList<Pretrain, Sft, LongText>;
};
