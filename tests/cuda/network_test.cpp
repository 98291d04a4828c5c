// tests/cuda/network_test.cpp — the whole network on a GPU against the same network on the CPU: losses, every gradient,
// reading at once and token by token.
#include "cuda/on_device.hpp"
#include "support/catch.hpp"

#include <longsky/cpu/cpu.hpp>
#include <longsky/cuda/cuda.cuh>
#include <longsky/nn/decoder.hpp>
#include <longsky/nn/device.hpp>
#include <longsky/nn/init.hpp>
#include <longsky/nn/mirror.hpp>

#include <cmath>
#include <span>
#include <vector>

static_assert(longsky::Device<longsky::cuda::Device> && longsky::Device<longsky::cuda::AtomicDevice>);

namespace longsky::test {

namespace {

constexpr int vocab = 48, context = 21, sequences = 2;
constexpr ModelSpec grouped{
    .vocab = vocab, .layers = 2, .width = 64, .heads = 2, .kv_heads = 1, .ffn = 40, .context = 32};
constexpr ModelSpec tied{.vocab = vocab,
                         .layers = 1,
                         .width = 64,
                         .heads = 2,
                         .kv_heads = 2,
                         .ffn = 40,
                         .context = 32,
                         .tied = true,
                         .qkv_bias = true,
                         .embedding_scale = 3};
using Llama = Layers<Attention, FeedForward>;

/// A network, and the error of its gradients that its precision may make, as a part of their root mean square.
template <ModelSpec M, class Mask, class Precision, class Recompute = KeepActivations>
struct Case {
  using OnCpu = Net<M, Llama, Mask, Fp32, Recompute>;
  using OnGpu = Net<M, Llama, Mask, Precision, Recompute, cuda::Device::Element<Precision>>;
  static constexpr double tolerance = Precision::rounds_factors ? 0.03 : 1e-5;
};

struct Inputs {
  std::vector<std::int32_t> tokens, targets, documents, positions;
  Pass pass() const { return {tokens, targets, documents, positions, context}; }
};

Inputs inputs() {
  Inputs in;
  Random random(1, stream_of("inputs"), 0);
  for (int s = 0; s < sequences; ++s)
    for (int t = 0; t < context; ++t) {
      in.tokens.push_back(static_cast<int>(random.below(vocab)));
      in.targets.push_back(random.chance(0.7f) ? static_cast<int>(random.below(vocab)) : -1);
      in.documents.push_back(t < context / 3 ? 0 : 1);
      in.positions.push_back(t);
    }
  return in;
}

template <class N>
std::vector<float> weights() {
  std::vector<float> w(static_cast<std::size_t>(WeightLayout<N>::size));
  NormalInit<InitSpec{.std = 0.15}>::initialise<N>(w, 3, RopeSpec{});
  return stored_as<bf16>(w);  // so that both begin alike
}

/// The root mean square of got - want over that of want.
double error(std::span<const float> got, std::span<const float> want) {
  double differences = 0, squares = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    differences += (double{got[i]} - want[i]) * (double{got[i]} - want[i]);
    squares += double{want[i]} * want[i];
  }
  return std::sqrt(differences / squares);  // not a number fails every comparison
}

std::vector<float> downloaded(cuda::Device& device, const float* from, std::size_t size) {
  std::vector<float> values(size);
  device.download(values.data(), from, static_cast<std::int64_t>(size));
  return values;
}

}  // namespace

TEMPLATE_TEST_CASE("a pass on a GPU is a pass on the CPU", "[cuda][network][smoke]", (Case<grouped, Causal, Fp32>),
                   (Case<tied, WithinDocument<>, Fp32, RecomputeBlocks>), (Case<grouped, WithinDocument<>, Bf16>),
                   (Case<tied, Causal, Bf16>)) {
  using OnCpu = typename TestType::OnCpu;
  using OnGpu = typename TestType::OnGpu;
  using Element = typename OnGpu::Element;
  std::vector<float> w = weights<OnCpu>(), want(w.size());
  const Inputs in = inputs();

  cpu::Device cpu(1);
  Decoder<OnCpu, cpu::Device> on_cpu(cpu, sequences * context, RopeSpec{}, 32);
  const auto want_losses = on_cpu.forward_backward(w, want, in.pass(), 0.5f);

  cuda::Device gpu;
  Decoder<OnGpu, cuda::Device> on_gpu(gpu, sequences * context, RopeSpec{}, 32);
  const Mirror<cuda::Device, Element> on_gpu_w(gpu, w);
  OnDevice<float> gradients(gpu, std::vector<float>(w.size()));
  const auto losses =
      on_gpu.forward_backward(on_gpu_w.span(), {gradients.data(), w.size()}, on_gpu.stage(in.pass()), 0.5f);
  CHECK(error(downloaded(gpu, losses.data(), losses.size()), want_losses) < TestType::tolerance);
  const std::vector<float> got = gradients.floats();
  WeightLayout<OnCpu>::for_each([&](auto entry, int layer, std::int64_t at) {
    INFO(entry.name << " of layer " << layer);
    const auto part = [&](const std::vector<float>& all) {
      return std::span(all).subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(entry.size));
    };
    CHECK(error(part(got), part(want)) < TestType::tolerance);
  });
}

TEMPLATE_TEST_CASE("a GPU reads a prompt at once or token by token", "[cuda][network]", Fp32, Bf16) {
  using Element = cuda::Device::Element<TestType>;
  using N = Net<grouped, Llama, Causal, TestType, KeepActivations, Element>;
  std::vector<float> w = weights<N>();
  const Inputs in = inputs();
  cuda::Device device;
  Decoder<N, cuda::Device> decoder(device, context, RopeSpec{}, 32);
  const Mirror<cuda::Device, Element> weights_there(device, w);
  OnDevice<Element> cache(device, decoder.cache_size(context));
  OnDevice<float> logits(device, vocab);
  const auto staged = [&](int first, int n) {
    const auto part = [&](const std::vector<std::int32_t>& all) {
      return std::span(all).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n));
    };
    return decoder.stage({part(in.tokens), part(in.targets), part(in.documents), part(in.positions), n});
  };
  decoder.prefill(weights_there.span(), staged(0, context), cache, context, logits);
  const std::vector<float> at_once = logits.floats();
  decoder.prefill(weights_there.span(), staged(0, 13), cache, context, logits);
  for (int t = 13; t < context; ++t) decoder.decode(weights_there.span(), staged(t, 1), t, cache, context, logits);
  CHECK(error(logits.floats(), at_once) < (TestType::rounds_factors ? 0.02 : 1e-5));
}

}  // namespace longsky::test
