// bench/cuda/cross_entropy_bench.cu — head and loss of 4 Ki tokens in the operations of their matrix products: 2 V C a
// token forward, 6 V C with the gradients; the softmax is not counted.
#include "measure.cuh"

#include <longsky/cuda/cross_entropy.cuh>
#include <longsky/spec/precision.hpp>

#include <cstdint>
#include <span>

namespace longsky::bench {

namespace {

constexpr int C = 4096;
constexpr std::int64_t tokens = 4096;

template <int V, bool Backward>
void cross_entropy(benchmark::State& state) {
  struct Arrays {
    cuda::Memory<bf16> x, dx{tokens * C};
  };
  const auto w = filled<bf16>(std::int64_t{V} * C, 100);
  const auto dw = filled<float>(std::int64_t{V} * C, 101);
  const cuda::Memory<float> losses(tokens);
  const auto targets = uploaded(integers(tokens, V, "targets"));
  const std::span<const std::int32_t> of_tokens(targets.data(), tokens);
  auto sets =
      sets_of(2.0 * tokens * C * sizeof(bf16), [](std::uint32_t i) { return Arrays{filled<bf16>(tokens * C, i)}; });
  measure<Bound::product>(state, (Backward ? 6.0 : 2.0) * tokens * V * C, sets, [&](Arrays& a) {
    if constexpr (Backward)
      cuda::cross_entropy_forward_backward<Bf16, V, C>(gpu(), losses.data(), Rows<bf16, C>{a.dx.data(), tokens},
                                                       dw.data(), {a.x.data(), tokens}, of_tokens, w.data(),
                                                       1.0f / tokens);
    else
      cuda::cross_entropy_forward<Bf16, V, C>(gpu(), losses.data(), nullptr, Rows<bf16, C>{a.x.data(), tokens},
                                              of_tokens, w.data());
  });
}

const bool added = add("cuda.cross_entropy.forward.v131072.c4096", cross_entropy<131072, false>) &&
                   add("cuda.cross_entropy.forward_backward.v131072.c4096", cross_entropy<131072, true>) &&
                   add("cuda.cross_entropy.forward_backward.v32768.c4096", cross_entropy<32768, true>);

}  // namespace

}  // namespace longsky::bench
