// The whole network: its gradients against finite differences, its promises about recomputation, threads, documents and
// decoding.
#include "support/catch.hpp"

#include <longsky/cpu/cpu.hpp>
#include <longsky/nn/decoder.hpp>
#include <longsky/nn/init.hpp>
#include <longsky/spec/cost.hpp>
#include <longsky/spec/mask.hpp>
#include <longsky/spec/precision.hpp>

#include <cmath>
#include <numeric>
#include <tuple>
#include <vector>

namespace {

using namespace longsky;

using Llama = Layers<Attention, FeedForward>;
constexpr ModelSpec untied{.vocab = 29, .layers = 2, .width = 32, .heads = 2, .kv_heads = 1, .ffn = 24, .context = 24};
constexpr ModelSpec tied{.vocab = 29,
                         .layers = 2,
                         .width = 32,
                         .heads = 2,
                         .kv_heads = 2,
                         .ffn = 24,
                         .context = 24,
                         .tied = true,
                         .qkv_bias = true,
                         .embedding_scale = 3};

struct Inputs {
  std::vector<std::int32_t> tokens, targets, documents, positions;
  int context;
  Pass pass() const { return {tokens, targets, documents, positions, context, nullptr}; }
};

Inputs inputs(int sequences, int context, std::uint64_t seed = 1) {
  Inputs in{{}, {}, {}, {}, context};
  Random random(seed, stream_of("inputs"), 0);
  for (int s = 0; s < sequences; ++s)
    for (int t = 0; t < context; ++t) {
      in.tokens.push_back(static_cast<int>(random.below(29)));
      in.targets.push_back(random.chance(0.7f) ? static_cast<int>(random.below(29)) : -1);
      in.documents.push_back(t < context / 3 ? 0 : 1);
      in.positions.push_back(t);
    }
  return in;
}

template <class N>
Buffer<float> weights_of(std::uint64_t seed) {
  Buffer<float> w(static_cast<std::size_t>(WeightLayout<N>::size));
  NormalInit<InitSpec{.std = 0.15}>::initialise<N>(w.span(), seed, RopeSpec{});
  // Gains and biases away from 1 and 0, so that their gradients are tested where they matter.
  WeightLayout<N>::for_each([&](auto entry, int, std::int64_t at) {
    Random random(seed, stream_of("gains"), static_cast<std::uint64_t>(at));
    if (!decays(entry.kind))
      for (std::int64_t i = 0; i < entry.size; ++i) w[static_cast<std::size_t>(at + i)] += 0.2f * random.normal();
  });
  return w;
}

double total(std::span<const float> losses) { return std::accumulate(losses.begin(), losses.end(), 0.0); }

using Networks = std::tuple<Net<untied, Llama, Causal, Fp32>, Net<tied, Llama, WithinDocument<>, Fp32>,
                            Net<untied, Llama, SlidingWindow<5>, Fp32, RecomputeBlocks>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("every parameter's gradient is the slope of the loss", "[nn][gradient]", Networks) {
  using N = TestType;
  cpu::Device device(2);
  Decoder<N, cpu::Device> decoder(device, 48, RopeSpec{}, 32);
  const Inputs in = inputs(2, 21);
  Buffer<float> w = weights_of<N>(3), g(w.size());
  decoder.forward_backward(w.span(), g.span(), in.pass(), 1.0f);

  WeightLayout<N>::for_each([&](auto entry, int layer, std::int64_t at) {
    const std::size_t first = static_cast<std::size_t>(at), n = static_cast<std::size_t>(entry.size);
    double squares = 0;
    for (std::size_t i = 0; i < n; ++i) squares += double(g[first + i]) * g[first + i];
    INFO(entry.name << " of layer " << layer << ", |g| = " << std::sqrt(squares));
    REQUIRE(squares > 0);
    const std::vector<float> kept(w.data() + first, w.data() + first + n);
    const double step = 0.02 / std::sqrt(squares);
    const auto loss_at = [&](double t) {
      for (std::size_t i = 0; i < n; ++i) w[first + i] = static_cast<float>(kept[i] + t * step * g[first + i]);
      const double loss = total(decoder.forward(w.span(), in.pass()));
      std::copy(kept.begin(), kept.end(), w.data() + first);
      return loss;
    };
    // Fourth order: the error is far below the tolerance, so what is left is a wrong gradient.
    const double slope = (8 * (loss_at(1) - loss_at(-1)) - (loss_at(2) - loss_at(-2))) / (12 * step);
    CHECK(slope / squares == Approx(1.0).epsilon(5e-3));
  });
}

TEST_CASE("recomputing blocks changes memory, not a bit of the gradient", "[nn]") {
  using Kept = Net<tied, Llama, Causal, Fp32>;
  using Again = Net<tied, Llama, Causal, Fp32, RecomputeBlocks>;
  cpu::Device device(2);
  const Inputs in = inputs(2, 24);
  Buffer<float> w = weights_of<Kept>(5), a(w.size()), b(w.size());
  Decoder<Kept, cpu::Device> kept(device, 48, RopeSpec{}, 32);
  Decoder<Again, cpu::Device> again(device, 48, RopeSpec{}, 32);
  kept.forward_backward(w.span(), a.span(), in.pass(), 0.5f);
  again.forward_backward(w.span(), b.span(), in.pass(), 0.5f);
  CHECK(std::equal(a.data(), a.data() + a.size(), b.data()));
  STATIC_REQUIRE(decoder_arena_size<Again>(48) < decoder_arena_size<Kept>(48));
}

TEST_CASE("the number of threads does not change a bit", "[nn][threads]") {
  using N = Net<untied, Llama, Causal, Fp32>;
  const Inputs in = inputs(3, 24);
  Buffer<float> w = weights_of<N>(7);
  std::vector<std::vector<float>> gradients;
  for (int threads : {1, 2, 3, 8}) {
    cpu::Device device(threads);
    Decoder<N, cpu::Device> decoder(device, 72, RopeSpec{}, 32);
    std::vector<float> g(w.size());
    decoder.forward_backward(w.span(), g, in.pass(), 1.0f);
    gradients.push_back(g);
  }
  for (const auto& g : gradients) CHECK(g == gradients.front());
}

TEST_CASE("a step in which nothing is trained has a gradient of zero", "[nn]") {
  using N = Net<untied, Llama, Causal, Fp32>;
  cpu::Device device(2);
  Inputs in = inputs(1, 24);
  std::fill(in.targets.begin(), in.targets.end(), -1);
  Buffer<float> w = weights_of<N>(9), g(w.size());
  Decoder<N, cpu::Device> decoder(device, 24, RopeSpec{}, 32);
  CHECK(total(decoder.forward_backward(w.span(), g.span(), in.pass(), 1.0f)) == 0);
  for (float x : g.span()) REQUIRE(x == 0);
}

TEST_CASE("under a document mask no bit of one document reaches another", "[nn][documents]") {
  using N = Net<untied, Llama, WithinDocument<>, Fp32>;
  cpu::Device device(2);
  Inputs in = inputs(1, 24);
  Buffer<float> w = weights_of<N>(11);
  Decoder<N, cpu::Device> decoder(device, 24, RopeSpec{}, 32);
  std::fill(in.targets.begin(), in.targets.end(), 3);
  const auto before = decoder.forward(w.span(), in.pass());
  const std::vector<float> losses(before.begin(), before.end());
  in.tokens[2] = (in.tokens[2] + 1) % 29;
  const auto after = decoder.forward(w.span(), in.pass());
  for (int t = 8; t < 24; ++t) CHECK(losses[static_cast<std::size_t>(t)] == after[static_cast<std::size_t>(t)]);
  CHECK(losses[5] != after[5]);
}

TEST_CASE("decoding token by token gives the logits of reading at once", "[nn][decode]") {
  using N = Net<tied, Llama, Causal, Fp32>;
  cpu::Device device(2);
  const Inputs in = inputs(1, 20);
  Buffer<float> w = weights_of<N>(13);
  Decoder<N, cpu::Device> decoder(device, 24, RopeSpec{}, 32);
  Buffer<float> cache(static_cast<std::size_t>(decoder.cache_size(24)));
  std::vector<float> at_once(29), one_by_one(29);
  const Pass whole = in.pass();
  decoder.prefill(w.span(), whole, cache.data(), 24, at_once.data());
  const auto head = [&](auto all) { return all.first(12); };
  decoder.prefill(w.span(),
                  {head(whole.tokens), head(whole.targets), head(whole.documents), head(whole.positions), 12, nullptr},
                  cache.data(), 24, one_by_one.data());
  for (int t = 12; t < 20; ++t) {
    const auto token = [&](auto all) { return all.subspan(static_cast<std::size_t>(t), 1); };
    decoder.decode(w.span(),
                   {token(whole.tokens), token(whole.targets), token(whole.documents), token(whole.positions), 1}, t,
                   cache.data(), 24, one_by_one.data());
  }
  for (std::size_t v = 0; v < 29; ++v) CHECK(one_by_one[v] == Approx(at_once[v]).margin(1e-4));
}

TEST_CASE("the layout's parameters are those of the cost formula", "[nn][types]") {
  STATIC_REQUIRE(WeightLayout<Net<untied, Llama, Causal, Fp32>>::parameters == parameters(untied));
  STATIC_REQUIRE(WeightLayout<Net<tied, Llama, Causal, Fp32>>::parameters == parameters(tied));
  STATIC_REQUIRE(WeightLayout<Net<tied, Llama, Causal, Fp32>>::size % 16 == 0);
}
