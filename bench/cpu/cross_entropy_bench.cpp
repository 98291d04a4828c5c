// bench/cpu/cross_entropy_bench.cpp — head and loss in the operations of their matrix products: 2 V C a trained token
// forward, 6 V C with the gradients; the softmax is not counted.
#include "../measure.hpp"

#include <longsky/cpu/cross_entropy.hpp>

#include <cstdint>
#include <vector>

namespace {

using namespace longsky;
using bench::filled;

/// `Every`-th of N tokens is trained.
template <class Precision, int V, int C, int N, int Every, bool Backward>
void cross_entropy(benchmark::State& state) {
  cpu::Device device;
  const Buffer<float> x = filled(std::int64_t{N} * C, 0), w = filled(std::int64_t{V} * C, 1);
  const Buffer<float> dx = filled(std::int64_t{N} * C, 2), dw = filled(std::int64_t{V} * C, 3), losses(N);
  std::vector<std::int32_t> targets(N, -1);
  for (int t = 0; t < N; t += Every) targets[static_cast<std::size_t>(t)] = t % V;
  const int trained = (N + Every - 1) / Every;
  bench::measure_flop(state, device, (Backward ? 6.0 : 2.0) * trained * V * C, [&] {
    if constexpr (Backward)
      cpu::cross_entropy_forward_backward<Precision, V, C>(device, losses.data(), {dx.data(), N}, dw.data(),
                                                           {x.data(), N}, targets, w.data(), 1.0f / trained);
    else
      cpu::cross_entropy_forward<Precision, V, C>(device, losses.data(), nullptr, {x.data(), N}, targets, w.data());
  });
}

BENCHMARK(cross_entropy<Fp32, 2614, 128, 4096, 1, false>)->Name("cross_entropy_forward.v2614")->UseManualTime();
BENCHMARK(cross_entropy<Fp32, 2614, 128, 4096, 1, true>)->Name("cross_entropy.v2614")->UseManualTime();
BENCHMARK(cross_entropy<Fp32, 2614, 128, 6144, 60, true>)->Name("cross_entropy_masked.v2614")->UseManualTime();
BENCHMARK(cross_entropy<Fp32, 4096, 256, 2048, 1, true>)->Name("cross_entropy.v4096")->UseManualTime();

}  // namespace
