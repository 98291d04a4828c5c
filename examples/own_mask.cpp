// A mask of one's own: a window that always sees the first four tokens as well (an attention sink).
//
//   build/native/examples/own_mask
#include <longsky/longsky.hpp>

#include <algorithm>
#include <iostream>
#include <numeric>

namespace ls = longsky;

// begin: policy
// `visible` is the law, pair by pair; `cover` says the same of whole tiles, so that tiles nobody sees are never
// computed.
template <int Window, int Sink = 4>
struct WindowWithSink {
  static constexpr bool isolates_documents = false;
  using Inner = ls::SlidingWindow<Window>;

  static constexpr bool visible(ls::TokenPlace q, ls::TokenPlace k) {
    return Inner::visible(q, k) || (k.index < Sink && k.index <= q.index);
  }
  static constexpr ls::Cover cover(ls::TokenRange q, ls::TokenRange k) {
    if (k.first.index < Sink && k.first.index <= q.last.index)
      return Inner::cover(q, k) == ls::Cover::all ? ls::Cover::all : ls::Cover::some;
    return Inner::cover(q, k);
  }
};
// end: policy
static_assert(ls::MaskPolicy<WindowWithSink<32>>);
static_assert(WindowWithSink<32>::visible({.index = 100, .document = 0}, {.index = 0, .document = 0}));
static_assert(!WindowWithSink<32>::visible({.index = 100, .document = 0}, {.index = 50, .document = 0}));

int main() {
  constexpr ls::ModelSpec model{
      .vocab = 64, .layers = 2, .width = 64, .heads = 4, .kv_heads = 2, .ffn = 96, .context = 256};
  using Network = ls::Net<model, ls::Layers<ls::Attention, ls::FeedForward>, WindowWithSink<32>, ls::Fp32>;
  using Layout = ls::WeightLayout<Network>;

  ls::cpu::Device device;
  ls::Buffer<float> weights(Layout::size);
  ls::NormalInit<>::initialise<Network>(weights.span(), /*seed=*/1, ls::RopeSpec{});
  ls::Decoder<Network, ls::cpu::Device> decoder(device, model.context, ls::RopeSpec{}, model.context);

  std::vector<std::int32_t> tokens(model.context), targets(model.context), documents(model.context),
      positions(model.context);
  std::iota(positions.begin(), positions.end(), 0);
  std::transform(positions.begin(), positions.end(), tokens.begin(), [](int t) { return t % 61; });
  std::transform(positions.begin(), positions.end(), targets.begin(), [](int t) { return (t + 1) % 61; });
  double loss = 0;
  for (float token_loss : decoder.forward(weights.span(), {tokens, targets, documents, positions, model.context}))
    loss += static_cast<double>(token_loss) / model.context;
  std::cout << "loss of an untrained model: " << loss << " (ln 64 = 4.16)\n";
  return std::cout.flush() ? 0 : 1;
}
