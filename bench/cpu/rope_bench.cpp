// bench/cpu/rope_bench.cpp — the cut into heads and the turn, 16 Ki tokens:
// the bytes a second that the op must read and write, beside a plain copy's.
#include "../measure.hpp"

#include <longsky/cpu/rope.hpp>

#include <cstdint>

namespace {

using namespace longsky;

constexpr int H = 4, KV = 2, D = 64, row = (H + 2 * KV) * D, T = 4096;
constexpr std::int64_t N = 1 << 14;

struct Arrays {
  Buffer<float> q{N * H * D}, k{N * KV * D}, v{N * KV * D}, qkv{N * row}, table{T * D};
  Buffer<std::int32_t> positions{N};
  Arrays() {
    for (std::int64_t n = 0; n < N; ++n) positions[static_cast<std::size_t>(n)] = static_cast<std::int32_t>(n % T);
  }
};

void forward(benchmark::State& state) {
  cpu::Device device;
  const Arrays a;
  bench::measure_bytes(state, device, 2.0 * N * row * sizeof(float), [&] {
    cpu::rope_forward<H, KV, D>(device, a.q.data(), a.k.data(), a.v.data(), {a.qkv.data(), N}, a.positions.span(),
                                a.table.data(), T);
  });
}

void backward(benchmark::State& state) {
  cpu::Device device;
  const Arrays a;
  bench::measure_bytes(state, device, 2.0 * N * row * sizeof(float), [&] {
    cpu::rope_backward<H, KV, D>(device, {a.qkv.data(), N}, a.q.data(), a.k.data(), a.v.data(), a.positions.span(),
                                 a.table.data(), T);
  });
}

BENCHMARK(forward)->Name("rope_forward.d64")->UseManualTime();
BENCHMARK(backward)->Name("rope_backward.d64")->UseManualTime();

}  // namespace
