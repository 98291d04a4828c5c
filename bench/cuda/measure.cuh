// bench/cuda/measure.cuh — the time of an op on a GPU by events, and its rate as a fraction of what this process
// measured the GPU to do.
//
// Buffers are random, since zeros run faster, and an op goes round sets of them that together are three times the L2
// cache. A ceiling, a large product or a large copy, is measured directly after each op: both saw the same clock.
#pragma once

#include "data.cuh"

#include <longsky/cuda/peak.cuh>
#include <longsky/spec/precision.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <type_traits>
#include <vector>

namespace longsky::bench {

/// How many sets of buffers, `bytes` each, an op must go round so that it finds none of them in the L2 cache.
inline std::int64_t sets_beyond_cache(double bytes) {
  int cache = 0;
  cuda::check(cudaDeviceGetAttribute(&cache, cudaDevAttrL2CacheSize, 0), "ask for the size of the L2 cache");
  return static_cast<std::int64_t>(std::clamp(std::ceil(3.0 * cache / bytes), 1.0, 64.0));
}

/// `make(i)` for each of the sets that make(0), ... would need; `bytes` is what one set holds.
template <class Make>
auto sets_of(double bytes, const Make& make) {
  std::vector<decltype(make(0u))> sets;
  for (std::int64_t i = 0; i < sets_beyond_cache(bytes); ++i) sets.push_back(make(static_cast<std::uint32_t>(i)));
  return sets;
}

enum class Bound { product, memory };
template <Bound B>
using Ceiling = std::conditional_t<B == Bound::product, cuda::ProductRate<Bf16>, cuda::CopyRate>;

/// What the GPU does just now, in FLOP/s or bytes a second. Its arrays are allocated once.
template <Bound B>
double ceiling_rate() {
  static Ceiling<B> ceiling(gpu());
  return ceiling(gpu());
}

/// Runs `op(set)` for a quarter of a second and reports the median: TFLOP/s for `work` in FLOP, GB/s for bytes.
/// `spread` is the distance between the quartiles, as a part of the median.
template <Bound B, class Set, class Op>
void measure(benchmark::State& state, double work, std::vector<Set>& sets, const Op& op) {
  cuda::Device& device = gpu();
  std::size_t turn = 0;
  const auto once = [&] { op(sets[turn++ % sets.size()]); };
  once();  // loads the kernels, grows scratch memory
  const auto calls = static_cast<int>(std::clamp(5e-3 / cuda::seconds_of(device, once), 1.0, 1e4));
  std::vector<double> times;
  for (double spent = 0; spent < 0.25; spent += times.back() * calls)
    times.push_back(cuda::seconds_of(device,
                                     [&] {
                                       for (int call = 0; call < calls; ++call) once();
                                     }) /
                    calls);
  const double most = ceiling_rate<B>();

  std::ranges::sort(times);
  const double seconds = times[times.size() / 2];
  for (auto _ : state) state.SetIterationTime(seconds);
  state.counters[B == Bound::product ? "TFLOP/s" : "GB/s"] = work / seconds * (B == Bound::product ? 1e-12 : 1e-9);
  state.counters["fraction"] = work / seconds / most;
  state.counters["spread"] = (times[times.size() * 3 / 4] - times[times.size() / 4]) / seconds;
}

inline int failures = 0;

/// A benchmark named `key`. What it reports is a median already: one iteration. One that fails, for want of memory say,
/// says so, and the others run.
template <class Run>
bool add(const std::string& key, const Run& run) {
  const auto or_failure = [run](benchmark::State& state) {
    try {
      run(state);
    } catch (const std::exception& error) {
      ++failures;
      state.SkipWithError(error.what());
    }
  };
  benchmark::RegisterBenchmark(key.c_str(), or_failure)->UseManualTime()->Iterations(1)->Unit(benchmark::kMicrosecond);
  return true;
}

}  // namespace longsky::bench
