// bench/cuda/adamw_bench.cu — AdamW on 64 Mi weights with a bfloat16 copy: the bytes a second that the op must read and
// write, 30 a weight, beside a plain copy's.
#include "measure.cuh"

#include <longsky/cuda/adamw.cuh>

#include <cstdint>
#include <span>

namespace {

using namespace longsky;

constexpr std::int64_t size = std::int64_t{1} << 26;

struct Arrays {
  cuda::Memory<float> w, m, v, g;
  cuda::Memory<bf16> copy{size};
  explicit Arrays(std::uint32_t set)
      : w(bench::filled<float>(size, 4 * set)),
        m(bench::filled<float>(size, 4 * set + 1)),
        v(size),
        g(bench::filled<float>(size, 4 * set + 2)) {
    // Means of squares are not negative: those of gradients of about 1.
    cuda::for_each(bench::gpu(), size, Square{v.data(), g.data()});
  }
  struct Square {
    float* to;
    const float* from;
    __device__ void operator()(std::int64_t i) const { to[i] = from[i] * from[i]; }
  };
};

void adamw(benchmark::State& state) {
  const AdamWUpdate update{
      .lr = 1e-4f, .beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f, .step = 100, .gradient_scale = 0.5f};
  auto sets = bench::sets_of(30.0 * size, [](std::uint32_t i) { return Arrays(i); });
  const auto span = [](auto& memory) { return std::span(memory.data(), static_cast<std::size_t>(size)); };
  bench::measure<bench::Bound::memory>(state, 30.0 * size, sets, [&](Arrays& a) {
    cuda::adamw_step(bench::gpu(), span(a.w), span(a.m), span(a.v), span(a.g), update, a.copy.data());
  });
}

const bool added = bench::add("cuda.adamw.fp32", adamw);

}  // namespace
