// bench/cuda/adamw_bench.cu — AdamW on 64 Mi weights, float with a bfloat16 copy, or bfloat16 alone rounded at random:
// the bytes a second that the op must read and write, 30 and 16 a weight, beside a plain copy's.
#include "measure.cuh"

#include <longsky/cuda/adamw.cuh>

#include <cstdint>
#include <span>
#include <vector>

namespace longsky::bench {

namespace {

constexpr std::int64_t size = std::int64_t{1} << 26;

/// Means of squares are not negative.
template <class W>
struct Square {
  W* to;
  __device__ void operator()(std::int64_t i) const {
    const float x = static_cast<float>(to[i]);
    to[i] = static_cast<W>(x * x);
  }
};

template <class W>
struct Arrays {
  cuda::Memory<W> w, m, v;
  cuda::Memory<float> g;
  cuda::Memory<bf16> copy{size};
  explicit Arrays(std::uint32_t set)
      : w(filled<W>(size, 4 * set)),
        m(filled<W>(size, 4 * set + 1)),
        v(filled<W>(size, 4 * set + 2)),
        g(filled<float>(size, 4 * set + 3)) {
    cuda::for_each(gpu(), size, Square<W>{v.data()});
  }
};

template <class W>
void adamw(benchmark::State& state) {
  constexpr bool copies = sizeof(W) == sizeof(float);
  constexpr double bytes = size * (6.0 * sizeof(W) + sizeof(float) + (copies ? sizeof(bf16) : 0));
  constexpr AdamWConstants constants{.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f};
  const auto step = uploaded(std::vector<StepScale>{{.lr = 1e-4f,
                                                     .gradient_scale = 0.5f,
                                                     .to_m_hat = bias_correction(0.9f, 100),
                                                     .to_v_hat = bias_correction(0.95f, 100),
                                                     .step = 100}});
  const auto span = [](auto& memory) { return std::span(memory.data(), static_cast<std::size_t>(size)); };
  auto sets = sets_of(bytes, [](std::uint32_t i) { return Arrays<W>(i); });
  measure<Bound::memory>(state, bytes, sets, [&](Arrays<W>& a) {
    cuda::adamw_step(gpu(), span(a.w), span(a.m), span(a.v), std::span<const float>(span(a.g)), constants, step.data(),
                     copies ? a.copy.data() : nullptr);
  });
}

const bool added = add("cuda.adamw.fp32", adamw<float>) && add("cuda.adamw.bf16", adamw<bf16>);

}  // namespace

}  // namespace longsky::bench
