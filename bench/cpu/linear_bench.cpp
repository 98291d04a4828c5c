// bench/cpu/linear_bench.cpp — the layers of a small model: width 128, two query heads a key head, feed-forward 256.
#include "../measure.hpp"

#include <longsky/cpu/linear.hpp>

#include <cstdint>

namespace {

using namespace longsky;
using bench::filled;

enum class Pass { forward, backward };

template <class Precision, Pass P, int Rows, int N, int K>
void linear(benchmark::State& state) {
  cpu::Device device;
  const Buffer<float> x = filled(std::int64_t{Rows} * K, 0), w = filled(std::int64_t{N} * K, 1);
  const Buffer<float> y = filled(std::int64_t{Rows} * N, 2), dx = filled(std::int64_t{Rows} * K, 3);
  const Buffer<float> dw = filled(std::int64_t{N} * K, 4);
  bench::measure_flop(state, device, (P == Pass::forward ? 2.0 : 4.0) * Rows * N * K, [&] {
    if constexpr (P == Pass::forward) {
      cpu::linear_forward<Precision, N, K>(device, {y.data(), Rows}, {x.data(), Rows}, w.data(), nullptr, nullptr);
    } else {
      cpu::linear_backward_weight<Precision, N, K>(device, dw.data(), nullptr, {y.data(), Rows}, {x.data(), Rows});
      cpu::linear_backward_input<Precision, N, K>(device, {dx.data(), Rows}, {y.data(), Rows}, w.data());
    }
  });
}

/// One token: bound by reading W, which a small model's caches hold, so in bytes a second and no fraction of a peak.
template <int N, int K>
void decode(benchmark::State& state) {
  cpu::Device device;
  const Buffer<float> x = filled(K, 0), w = filled(std::int64_t{N} * K, 1), y = filled(N, 2);
  for (auto _ : state) {
    cpu::linear_forward<Fp32, N, K>(device, {y.data(), 1}, {x.data(), 1}, w.data(), nullptr, nullptr);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * std::int64_t{N} * K * std::int64_t{sizeof(float)});
}

BENCHMARK(linear<Fp32, Pass::forward, 4096, 256, 128>)->Name("linear_forward.fp32/qkv")->UseManualTime();
BENCHMARK(linear<Fp32, Pass::forward, 4096, 128, 128>)->Name("linear_forward.fp32/attention_out")->UseManualTime();
BENCHMARK(linear<Fp32, Pass::forward, 4096, 512, 128>)->Name("linear_forward.fp32/gate_up")->UseManualTime();
BENCHMARK(linear<Fp32, Pass::forward, 4096, 128, 256>)->Name("linear_forward.fp32/down")->UseManualTime();
BENCHMARK(linear<Fp32, Pass::backward, 4096, 256, 128>)->Name("linear_backward.fp32/qkv")->UseManualTime();
BENCHMARK(linear<Fp32, Pass::backward, 4096, 128, 128>)->Name("linear_backward.fp32/attention_out")->UseManualTime();
BENCHMARK(linear<Fp32, Pass::backward, 4096, 512, 128>)->Name("linear_backward.fp32/gate_up")->UseManualTime();
BENCHMARK(linear<Fp32, Pass::backward, 4096, 128, 256>)->Name("linear_backward.fp32/down")->UseManualTime();
BENCHMARK(decode<512, 128>)->Name("linear_decode/gate_up")->UseRealTime();
BENCHMARK(decode<2614, 128>)->Name("linear_decode/head")->UseRealTime();

}  // namespace
