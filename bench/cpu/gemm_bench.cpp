// bench/cpu/gemm_bench.cpp — the three products of a layer with 2048 rows, [K, N] as in docs and literature tables:
// forward x W^T, input gradient dy W, weight gradient dy^T x. Fractions are of the peak of the same number of threads.
#include "../measure.hpp"

#include <longsky/cpu/gemm.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace {

using namespace longsky;
using cpu::Contiguous;

struct Shape {
  std::int64_t k, n;
};
constexpr std::array<Shape, 7> shapes{
    {{128, 512}, {256, 256}, {256, 768}, {512, 1536}, {576, 1536}, {768, 3072}, {2048, 512}}};
constexpr std::int64_t rows = 2048;
enum class Product { forward, input_gradient, weight_gradient };
constexpr std::array products{Product::forward, Product::input_gradient, Product::weight_gradient};
constexpr std::array names{"forward", "input_gradient", "weight_gradient"};

template <class Precision>
void run(benchmark::State& state, int threads, Product product, Shape s) {
  cpu::Device device(threads);
  const Buffer<float> x = bench::filled(rows * s.k, 0), w = bench::filled(s.n * s.k, 1),
                      dy = bench::filled(rows * s.n, 2);
  const Buffer<float> out = bench::filled(std::max({rows * s.k, s.n * s.k, rows * s.n}), 3);
  const double flop = 2.0 * static_cast<double>(rows) * static_cast<double>(s.n) * static_cast<double>(s.k);
  const auto rate = [&] { return Precision::rounds_factors ? cpu::bf16_rate(device) : cpu::fma_rate(device); };
  bench::measure(state, "FLOP/s", flop, rate, [&] {
    switch (product) {
      case Product::forward:
        return cpu::gemm<Precision, Contiguous::along, Contiguous::along>(device, rows, s.n, s.k, x.data(), s.k,
                                                                          w.data(), s.k, out.data(), s.n, {});
      case Product::input_gradient:
        return cpu::gemm<Precision, Contiguous::along, Contiguous::across>(device, rows, s.k, s.n, dy.data(), s.n,
                                                                           w.data(), s.k, out.data(), s.k, {});
      case Product::weight_gradient:
        return cpu::gemm<Precision, Contiguous::across, Contiguous::across>(device, s.n, s.k, rows, dy.data(), s.n,
                                                                            x.data(), s.k, out.data(), s.k, {});
    }
  });
}

template <class Precision>
void add(const std::string& key, int threads) {
  for (const Product product : products)
    for (const Shape s : shapes)
      benchmark::RegisterBenchmark(
          (key + '/' + names[static_cast<std::size_t>(product)] + '/' + std::to_string(s.k) + 'x' + std::to_string(s.n))
              .c_str(),
          [=](benchmark::State& state) { run<Precision>(state, threads, product, s); })
          ->UseManualTime()
          ->MinTime(0.05)
          ->Repetitions(2);
}

[[maybe_unused]] const bool added = [] {
  add<Fp32>("gemm.fp32.1core", 1);
  add<Fp32>("gemm.fp32.2core", 2);
  add<Bf16>("gemm.bf16.1core", 1);
  add<Bf16>("gemm.bf16.2core", 2);
  return true;
}();

}  // namespace
