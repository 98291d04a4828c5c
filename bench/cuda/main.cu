// bench/cuda/main.cu — the benchmarks' main function, and the two ceilings as benchmarks of their own.
#include "measure.cuh"

#include <exception>
#include <iostream>

namespace longsky::bench {

namespace {

template <Bound B>
void ceiling(benchmark::State& state) {
  const double rate = ceiling_rate<B>();
  for (auto _ : state) state.SetIterationTime(1 / rate);
  state.counters[B == Bound::product ? "TFLOP/s" : "GB/s"] = rate * (B == Bound::product ? 1e-12 : 1e-9);
}

const bool added =
    add("cuda.ceiling.product", ceiling<Bound::product>) && add("cuda.ceiling.copy", ceiling<Bound::memory>);

}  // namespace

}  // namespace longsky::bench

int main(int argc, char** argv) try {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (cudaDeviceProp properties; cudaGetDeviceProperties(&properties, 0) == cudaSuccess)
    benchmark::AddCustomContext("gpu", properties.name);
  benchmark::RunSpecifiedBenchmarks();
  return longsky::bench::failures == 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << "bench_cuda: " << error.what() << '\n';
  return 1;
}
