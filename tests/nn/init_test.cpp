// tests/nn/init_test.cpp — a seed is a model, however many threads draw it.
#include "support/catch.hpp"

#include <longsky/nn/attention.hpp>
#include <longsky/nn/decoder.hpp>
#include <longsky/nn/feed_forward.hpp>
#include <longsky/nn/init.hpp>
#include <longsky/spec/mask.hpp>
#include <longsky/spec/precision.hpp>

#include <cmath>
#include <vector>

using namespace longsky;

TEST_CASE("a matrix that many threads draw is the one that a single thread would", "[init][threads]") {
  constexpr ModelSpec m{
      .vocab = 9000, .layers = 1, .width = 64, .heads = 2, .kv_heads = 1, .ffn = 40, .context = 32, .qkv_bias = true};
  using N = Net<m, Layers<Attention, FeedForward>, Causal, Fp32, KeepActivations>;
  std::vector<float> w(static_cast<std::size_t>(WeightLayout<N>::size));
  NormalInit<InitSpec{.std = 0.5}>::initialise<N>(w, 3, RopeSpec{});
  WeightLayout<N>::for_each([&](auto entry, int, std::int64_t at) {
    INFO(entry.name);
    Random random(3, stream_of("initialisation"), static_cast<std::uint64_t>(at));
    bool same = true;
    for (std::int64_t i = 0; i < entry.size; ++i) {
      float want = entry.kind == Kind::ones ? 1.0f : 0.0f;
      if (decays(entry.kind))
        want = static_cast<float>((entry.kind == Kind::output ? 0.5 / std::sqrt(2.0) : 0.5) * double{random.normal()});
      same &= w[static_cast<std::size_t>(at + i)] == want;
    }
    CHECK(same);
  });
}
