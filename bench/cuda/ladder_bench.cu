// bench/cuda/ladder_bench.cu — the rungs of docs/04-kernel.md: the norm of 16 Ki rows of 4,096 bfloat16, the bytes a
// second that it must read and write, beside a plain copy's. The rung above the last is cuda.rmsnorm.forward.c4096.
#include "ladder/rmsnorm_1_thread_a_row.cuh"
#include "ladder/rmsnorm_2_warp_a_row.cuh"
#include "ladder/rmsnorm_3_vectors.cuh"
#include "ladder/rmsnorm_4_registers.cuh"
#include "measure.cuh"

#include <cstdint>

namespace longsky::bench {

namespace {

constexpr int C = 4096;
constexpr std::int64_t N = 16384;
constexpr double bytes = 2.0 * N * C * sizeof(bf16);

struct Arrays {
  cuda::Memory<bf16> x, y{N * C};
  explicit Arrays(std::uint32_t set) : x(filled<bf16>(N * C, set)) {}
};

template <class Rung>
void rung(benchmark::State& state) {
  const auto w = filled<float>(C, 100);
  auto sets = sets_of(bytes, [](std::uint32_t i) { return Arrays(i); });
  measure<Bound::memory>(state, bytes, sets, [&](Arrays& a) {
    Rung::template run<C>(gpu(), {a.y.data(), N}, {a.x.data(), N}, w.data(), 1e-6f);
  });
}

const bool added = add("cuda.ladder.rmsnorm.1_thread_a_row", rung<ladder::ThreadARow>) &&
                   add("cuda.ladder.rmsnorm.2_warp_a_row", rung<ladder::WarpARow>) &&
                   add("cuda.ladder.rmsnorm.3_vectors", rung<ladder::Vectors>) &&
                   add("cuda.ladder.rmsnorm.4_registers", rung<ladder::Registers>);

}  // namespace

}  // namespace longsky::bench
