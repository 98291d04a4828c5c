// bench/cpu/attention_bench.cpp — attention in useful operations a second: the causal half, 2 T^2 D forward and 5 T^2 D
// backward a head; what a tile computes above the diagonal does not count.
#include "../measure.hpp"

#include <longsky/cpu/attention.hpp>

#include <cstdint>

namespace {

using namespace longsky;
using bench::filled;

enum class Pass { forward, backward, both };

template <Pass P, int T, int H, int KV, int D>
void attention(benchmark::State& state) {
  cpu::Device device;
  const std::int64_t n = std::int64_t{T} * H * D, m = std::int64_t{T} * KV * D;
  const Buffer<float> q = filled(n, 0), k = filled(m, 1), v = filled(m, 2), d_o = filled(n, 3);
  const Buffer<float> o = filled(n, 4), dq = filled(n, 5), dk = filled(m, 6), dv = filled(m, 7), lse = filled(n / D, 8);
  const auto forward = [&] {
    cpu::attention_forward<Causal, H, KV, D>(device, {o.data(), T}, lse.data(), q.data(), k.data(), v.data(),
                                             {1, T, nullptr});
  };
  const auto backward = [&] {
    cpu::attention_backward<Causal, H, KV, D>(device, dq.data(), dk.data(), dv.data(), {d_o.data(), T}, {o.data(), T},
                                              lse.data(), q.data(), k.data(), v.data(), {1, T, nullptr});
  };
  forward();
  constexpr double per_pair = (P != Pass::backward ? 2.0 : 0.0) + (P != Pass::forward ? 5.0 : 0.0);
  bench::measure_flop(state, device, per_pair * T * T * D * H, [&] {
    if constexpr (P != Pass::backward) forward();
    if constexpr (P != Pass::forward) backward();
  });
}

/// One token over a full cache, bound by reading it.
template <int T, int H, int KV, int D>
void decode(benchmark::State& state) {
  cpu::Device device;
  const Buffer<float> q = filled(H * D, 0), k = filled(std::int64_t{T} * KV * D, 1),
                      v = filled(std::int64_t{T} * KV * D, 2);
  const Buffer<float> o(static_cast<std::size_t>(H * D));
  bench::measure_bytes(state, device, 2.0 * T * KV * D * sizeof(float), [&] {
    cpu::attention_decode<Causal, H, KV, D>(device, o.data(), q.data(), k.data(), v.data(), T, T);
  });
}

BENCHMARK(attention<Pass::both, 512, 4, 2, 32>)->Name("attention.d32.t512")->UseManualTime();
BENCHMARK(attention<Pass::both, 512, 4, 2, 64>)->Name("attention.d64.t512")->UseManualTime();
BENCHMARK(attention<Pass::both, 2048, 4, 2, 32>)->Name("attention.d32.t2048")->UseManualTime();
BENCHMARK(attention<Pass::both, 2048, 4, 2, 64>)->Name("attention.d64.t2048")->UseManualTime();
BENCHMARK(attention<Pass::both, 8192, 4, 2, 32>)->Name("attention.d32.t8192")->UseManualTime();
BENCHMARK(attention<Pass::both, 8192, 4, 2, 64>)->Name("attention.d64.t8192")->UseManualTime();
BENCHMARK(attention<Pass::both, 32768, 2, 1, 32>)->Name("attention.d32.t32768")->UseManualTime()->Iterations(1);
BENCHMARK(attention<Pass::both, 32768, 2, 1, 64>)->Name("attention.d64.t32768")->UseManualTime()->Iterations(1);
BENCHMARK(attention<Pass::forward, 2048, 4, 2, 64>)->Name("attention_forward.d64.t2048")->UseManualTime();
BENCHMARK(attention<Pass::backward, 2048, 4, 2, 64>)->Name("attention_backward.d64.t2048")->UseManualTime();
BENCHMARK(decode<8192, 4, 2, 64>)->Name("attention_decode.d64.t8192")->UseManualTime();

}  // namespace
