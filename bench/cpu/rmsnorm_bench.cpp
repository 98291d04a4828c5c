// bench/cpu/rmsnorm_bench.cpp — the norm over 32 Ki rows of 256:
// the bytes a second that the op must read and write, beside a plain copy's.
#include "../measure.hpp"

#include <longsky/cpu/rmsnorm.hpp>

#include <cstdint>

namespace {

using namespace longsky;

constexpr int C = 256;
constexpr std::int64_t N = 1 << 15;

void forward(benchmark::State& state) {
  cpu::Device device;
  const Buffer<float> x(N * C), y(N * C), r(N), w(C);
  bench::measure_bytes(state, device, 2.0 * N * C * sizeof(float), [&] {
    cpu::rmsnorm_forward<C>(device, {y.data(), N}, r.data(), {x.data(), N}, w.data(), 1e-6f);
  });
}

void backward(benchmark::State& state) {
  cpu::Device device;
  const Buffer<float> x(N * C), dx(N * C), dy(N * C), r(N), w(C), dw(C);
  bench::measure_bytes(state, device, 4.0 * N * C * sizeof(float), [&] {
    cpu::rmsnorm_backward<C>(device, {dx.data(), N}, dw.data(), {dy.data(), N}, {x.data(), N}, r.data(), w.data());
  });
}

BENCHMARK(forward)->Name("rmsnorm_forward.c256")->UseManualTime();
BENCHMARK(backward)->Name("rmsnorm_backward.c256")->UseManualTime();

}  // namespace
