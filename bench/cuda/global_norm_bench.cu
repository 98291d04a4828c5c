// bench/cuda/global_norm_bench.cu — the square of the norm of 256 Mi gradients: the bytes a second that the op must
// read, beside a plain copy's.
#include "measure.cuh"

#include <longsky/cuda/global_norm.cuh>

#include <cstdint>
#include <span>

namespace longsky::bench {

namespace {

constexpr std::int64_t size = std::int64_t{1} << 28;

void global_norm(benchmark::State& state) {
  const cuda::Memory<double> total(1);
  auto sets = sets_of(4.0 * size, [](std::uint32_t i) { return filled<float>(size, i); });
  measure<Bound::memory>(state, 4.0 * size, sets, [&](cuda::Memory<float>& g) {
    cuda::sum_of_squares(gpu(), total.data(), std::span<const float>(g.data(), static_cast<std::size_t>(size)));
  });
}

const bool added = add("cuda.global_norm.fp32", global_norm);

}  // namespace

}  // namespace longsky::bench
