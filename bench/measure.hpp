// bench/measure.hpp — an op's rate, and the fraction it is of what this process measured the machine to do.
//
// After each run of the op the machine's own rate is measured for about a twentieth of its time, at least one round,
// and the fraction is the median over the runs: the clock that a processor chooses changes within a second, by a third
// and more, and both sides of a fraction must have seen the same one.
#pragma once

#include <longsky/core/buffer.hpp>
#include <longsky/core/random.hpp>
#include <longsky/cpu/peak.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace longsky::bench {

/// Runs `op` twice to warm up and then in the benchmark's loop, which counts manual time, as often at each turn as fills
/// a millisecond. `work` is what one run does, `rate()` one round of what the machine can do in the same unit.
template <class Rate, class Op>
void measure(benchmark::State& state, const char* unit, double work, const Rate& rate, const Op& op) {
  op();
  const auto calls = static_cast<std::int64_t>(1 + 1e-3 / cpu::seconds_of(op));
  work *= static_cast<double>(calls);
  std::vector<double> fractions;
  for (auto _ : state) {
    const double seconds = cpu::seconds_of([&] {
      for (std::int64_t call = 0; call < calls; ++call) op();
    });
    state.SetIterationTime(seconds);
    std::vector<double> rates;
    double spent = 0;
    while (spent <= 0.05 * seconds) spent += cpu::seconds_of([&] { rates.push_back(rate()); });
    std::ranges::nth_element(rates, rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2));
    fractions.push_back(work / seconds / rates[rates.size() / 2]);
  }
  std::ranges::nth_element(fractions, fractions.begin() + static_cast<std::ptrdiff_t>(fractions.size() / 2));
  state.counters[unit] = benchmark::Counter(work, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["fraction"] = fractions[fractions.size() / 2];
}

/// `bytes`: what the op must read and write. Working sets are about the 64 MiB of a copy, so that both meet the same
/// level of the memory.
template <class Op>
void measure_bytes(benchmark::State& state, cpu::Device& device, double bytes, const Op& op) {
  static cpu::CopyRate copy;
  measure(
      state, "bytes/s", bytes, [&] { return copy(device); }, op);
}

template <class Op>
void measure_flop(benchmark::State& state, cpu::Device& device, double flop, const Op& op) {
  measure(
      state, "FLOP/s", flop, [&] { return cpu::fma_rate(device); }, op);
}

/// `size` numbers, uniform in [-1, 1).
inline Buffer<float> filled(std::int64_t size, std::uint64_t index) {
  Buffer<float> buffer(static_cast<std::size_t>(size));
  Random random(1, stream_of("bench"), index);
  for (float& x : buffer.span()) x = random.uniform(-1.0f, 1.0f);
  return buffer;
}

}  // namespace longsky::bench
