// bench/cuda/rmsnorm_bench.cu — the norm of bfloat16 rows: the bytes a second that the op must read and write, beside a
// plain copy's.
#include "measure.cuh"

#include <longsky/cuda/rmsnorm.cuh>

#include <cstdint>

namespace longsky::bench {

namespace {

template <int C>
struct Arrays {
  static constexpr std::int64_t N = (std::int64_t{1} << 26) / C;
  cuda::Memory<bf16> x, y, dy, dx;
  cuda::Memory<float> r{N};
  explicit Arrays(std::uint32_t set)
      : x(filled<bf16>(N * C, 4 * set)),
        y(N * C),
        dy(filled<bf16>(N * C, 4 * set + 1)),
        dx(filled<bf16>(N * C, 4 * set + 2)) {}
};

template <int C>
void forward(benchmark::State& state) {
  using Set = Arrays<C>;
  const auto w = filled<bf16>(C, 100);
  auto sets = sets_of(2.0 * Set::N * C * sizeof(bf16), [](std::uint32_t i) { return Set(i); });
  measure<Bound::memory>(state, Set::N * (2.0 * C * sizeof(bf16) + sizeof(float)), sets, [&](Set& a) {
    cuda::rmsnorm_forward<C>(gpu(), Rows<bf16, C>{a.y.data(), Set::N}, a.r.data(), {a.x.data(), Set::N}, w.data(),
                             1e-6f);
  });
}

template <int C>
void backward(benchmark::State& state) {
  using Set = Arrays<C>;
  const auto w = filled<bf16>(C, 100);
  const auto dw = filled<float>(C, 101);
  auto sets = sets_of(4.0 * Set::N * C * sizeof(bf16), [&](std::uint32_t i) {
    Set a(i);
    cuda::rmsnorm_forward<C>(gpu(), Rows<bf16, C>{a.y.data(), Set::N}, a.r.data(), {a.x.data(), Set::N}, w.data(),
                             1e-6f);
    return a;
  });
  measure<Bound::memory>(state, Set::N * (4.0 * C * sizeof(bf16) + sizeof(float)), sets, [&](Set& a) {
    cuda::rmsnorm_backward<C>(gpu(), Rows<bf16, C>{a.dx.data(), Set::N}, dw.data(), {a.dy.data(), Set::N},
                              {a.x.data(), Set::N}, a.r.data(), w.data());
  });
}

const bool added =
    add("cuda.rmsnorm.forward.c1024", forward<1024>) && add("cuda.rmsnorm.forward.c4096", forward<4096>) &&
    add("cuda.rmsnorm.backward.c1024", backward<1024>) && add("cuda.rmsnorm.backward.c4096", backward<4096>);

}  // namespace

}  // namespace longsky::bench
