// bench/cpu/adamw_bench.cpp — the update of 4 Mi parameters:
// the bytes a second that the op must read and write, beside a plain copy's.
#include "../measure.hpp"

#include <longsky/cpu/adamw.hpp>

#include <cstdint>

namespace {

using namespace longsky;

constexpr std::int64_t N = 1 << 22;

void step(benchmark::State& state) {
  cpu::Device device;
  const Buffer<float> w(N), m(N), v(N), g(N);
  constexpr AdamWConstants constants{.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f};
  const StepScale scale{.lr = 1e-3f, .gradient_scale = 1, .step = 2};
  bench::measure_bytes(state, device, 7.0 * N * sizeof(float),
                       [&] { cpu::adamw_step(device, w.span(), m.span(), v.span(), g.span(), constants, &scale); });
}

BENCHMARK(step)->Name("adamw.4m")->UseManualTime();

}  // namespace
