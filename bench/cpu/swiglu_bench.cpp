// bench/cpu/swiglu_bench.cpp — the gated unit over 16 Ki rows of 256:
// the bytes a second that the op must read and write, beside a plain copy's.
#include "../measure.hpp"

#include <longsky/cpu/swiglu.hpp>

#include <cstdint>

namespace {

using namespace longsky;

constexpr int F = 256;
constexpr std::int64_t N = 1 << 14;

void forward(benchmark::State& state) {
  cpu::Device device;
  const Buffer<float> y(N * F), gate_up(N * 2 * F);
  bench::measure_bytes(state, device, 3.0 * N * F * sizeof(float), [&] {
    cpu::swiglu_forward<F>(device, {y.data(), N}, {gate_up.data(), N});
  });
}

void backward(benchmark::State& state) {
  cpu::Device device;
  const Buffer<float> dy(N * F), gate_up(N * 2 * F), dgate_up(N * 2 * F);
  bench::measure_bytes(state, device, 5.0 * N * F * sizeof(float), [&] {
    cpu::swiglu_backward<F>(device, {dgate_up.data(), N}, {dy.data(), N}, {gate_up.data(), N});
  });
}

BENCHMARK(forward)->Name("swiglu_forward.f256")->UseManualTime();
BENCHMARK(backward)->Name("swiglu_backward.f256")->UseManualTime();

}  // namespace
