// bench/cuda/swiglu_bench.cu — the gated unit over 8 Ki tokens: the bytes a second that the op must read and write,
// beside a plain copy's.
#include "measure.cuh"

#include <longsky/cuda/swiglu.cuh>

#include <cstdint>

namespace longsky::bench {

namespace {

constexpr int F = 14336;
constexpr std::int64_t N = 8192;

struct Arrays {
  cuda::Memory<bf16> gate_up, y, dgate_up;
  explicit Arrays(std::uint32_t set)
      : gate_up(filled<bf16>(N * 2 * F, 2 * set)), y(filled<bf16>(N * F, 2 * set + 1)), dgate_up(N * 2 * F) {}
};

template <bool Forward>
void swiglu(benchmark::State& state) {
  constexpr double bytes = (Forward ? 3.0 : 5.0) * N * F * sizeof(bf16);
  auto sets = sets_of(bytes, [](std::uint32_t i) { return Arrays(i); });
  measure<Bound::memory>(state, bytes, sets, [&](Arrays& a) {
    if constexpr (Forward)
      cuda::swiglu_forward<F>(gpu(), Rows<bf16, F>{a.y.data(), N}, {a.gate_up.data(), N});
    else
      cuda::swiglu_backward<F>(gpu(), Rows<bf16, 2 * F>{a.dgate_up.data(), N}, {a.y.data(), N}, {a.gate_up.data(), N});
  });
}

const bool added = add("cuda.swiglu.forward.f14336", swiglu<true>) && add("cuda.swiglu.backward.f14336", swiglu<false>);

}  // namespace

}  // namespace longsky::bench
