// Schedules at their corners, and which parameters decay.
#include "support/catch.hpp"

#include <longsky/cpu/adamw.hpp>
#include <longsky/nn/decoder.hpp>
#include <longsky/optim/adamw.hpp>
#include <longsky/optim/schedule.hpp>
#include <longsky/spec/mask.hpp>
#include <longsky/spec/precision.hpp>

#include <vector>

using namespace longsky;

TEST_CASE("schedules warm up, and end where they should", "[optim]") {
  const ScheduleSpec s{.steps = 100, .warmup = 10, .floor = 0.1};
  CHECK(Cosine::factor(0, s) == Approx(0.1 * (0.1 + 0.9)));
  CHECK(Cosine::factor(50, s) == Approx(0.55));
  CHECK(Cosine::factor(100, s) == Approx(0.1));
  CHECK(StableDecay<20>::factor(79, s) == 1.0);
  CHECK(StableDecay<20>::factor(90, s) == Approx(0.1 + 0.9 * 0.5));
  CHECK(StableDecay<20>::factor(100, s) == Approx(0.1));
  CHECK(Constant::factor(4, s) == Approx(0.5));
  CHECK(Constant::factor(99, s) == 1.0);
  CHECK(Constant::factor(0, {.steps = 5, .warmup = 0, .floor = 0}) == 1.0);
}

TEST_CASE("matrices decay, gains and biases do not, and every float belongs to one group", "[optim]") {
  constexpr ModelSpec m{
      .vocab = 20, .layers = 2, .width = 32, .heads = 2, .kv_heads = 2, .ffn = 16, .context = 8, .qkv_bias = true};
  using Layout = WeightLayout<Net<m, Layers<Attention, FeedForward>, Causal, Fp32>>;
  const auto groups = AdamW<>::groups<Layout>();
  std::int64_t next = 0;
  for (const auto& g : groups) {
    CHECK(g.first == next);
    next += g.size;
  }
  CHECK(next == Layout::size);
  Layout::for_each([&](auto entry, int, std::int64_t at) {
    for (const auto& g : groups)
      if (at >= g.first && at < g.first + g.size) CHECK(g.decays == decays(entry.kind));
  });

  cpu::Device device(2);
  std::vector<float> w(static_cast<std::size_t>(Layout::size), 1.0f), g(w.size());
  AdamW<>::State<cpu::Device> state(device, Layout::size);
  StepScale scale = AdamW<>::scale(0.1, 1);
  scale.gradient_scale = 1;
  AdamW<>::update<cpu::Device, float, float, float>(device, groups, w, state, g, &scale, nullptr);
  Layout::for_each([&](auto entry, int, std::int64_t at) {
    CHECK(w[static_cast<std::size_t>(at)] == Approx(decays(entry.kind) ? 1.0f - 0.1f * 0.05f : 1.0f));
  });
}

TEST_CASE("a gradient's norm is clipped, never raised", "[optim]") {
  CHECK(AdamW<>::clip(4.0) == Approx(0.25));
  CHECK(AdamW<>::clip(0.5) == 1.0f);
  CHECK(AdamW<AdamWSpec{.clip_norm = 0}>::clip(1e9) == 1.0f);
}
