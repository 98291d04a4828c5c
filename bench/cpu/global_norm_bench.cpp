// bench/cpu/global_norm_bench.cpp — the sum of the squares of 16 Mi gradients:
// the bytes a second that the op must read and write, beside a plain copy's.
#include "../measure.hpp"

#include <longsky/cpu/global_norm.hpp>

#include <cstdint>

namespace {

using namespace longsky;

constexpr std::int64_t N = 1 << 24;

void norm(benchmark::State& state) {
  cpu::Device device;
  const Buffer<float> g(N);
  bench::measure_bytes(state, device, 1.0 * N * sizeof(float),
                       [&] { benchmark::DoNotOptimize(cpu::sum_of_squares(device, g.span())); });
}

BENCHMARK(norm)->Name("global_norm.16m")->UseManualTime();

}  // namespace
