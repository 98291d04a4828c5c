// bench/cpu/measure.hpp — an op's rate, and the fraction it is of what this process measured the machine to do.
#pragma once

#include <longsky/core/buffer.hpp>
#include <longsky/core/random.hpp>
#include <longsky/cpu/peak.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>

namespace longsky::bench {

/// Runs `op` once to warm up and then in the benchmark's loop; `work` is what one run does, `peak` its rate at best.
template <class Op>
void measure(benchmark::State& state, const char* unit, double work, double peak, const Op& op) {
  op();
  for (auto _ : state) {
    op();
    benchmark::ClobberMemory();
  }
  state.counters[unit] = benchmark::Counter(work, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["fraction"] = benchmark::Counter(work / peak, benchmark::Counter::kIsIterationInvariantRate);
}

/// `bytes`: what the op must read and write. Working sets are about the 64 MiB of copy_bandwidth, so that both meet the
/// same level of the memory.
template <class Op>
void measure_bytes(benchmark::State& state, cpu::Device& device, double bytes, const Op& op) {
  static const double bandwidth = cpu::copy_bandwidth(device);
  measure(state, "bytes/s", bytes, bandwidth, op);
}

template <class Op>
void measure_flop(benchmark::State& state, cpu::Device& device, double flop, const Op& op) {
  static const double peak = cpu::fma_peak(device);
  measure(state, "FLOP/s", flop, peak, op);
}

/// `size` numbers, uniform in [-1, 1).
inline Buffer<float> filled(std::int64_t size, std::uint64_t index) {
  Buffer<float> buffer(static_cast<std::size_t>(size));
  Random random(1, stream_of("bench"), index);
  for (float& x : buffer.span()) x = random.uniform(-1.0f, 1.0f);
  return buffer;
}

}  // namespace longsky::bench
