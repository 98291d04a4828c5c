// bench/cuda/embedding_bench.cu — the lookup of 32 Ki tokens in 64 Ki rows of 4,096 bfloat16, and the way back, its
// sort included: the bytes a second that the op must read and write, beside a plain copy's.
#include "measure.cuh"

#include <longsky/cuda/embedding.cuh>

#include <cstdint>
#include <set>
#include <span>

namespace longsky::bench {

namespace {

constexpr int C = 4096;
constexpr std::int64_t V = 65536, N = 32768;

void forward(benchmark::State& state) {
  const auto table = filled<bf16>(V * C, 0);
  const auto tokens = uploaded(integers(N, V, "tokens"));
  constexpr double bytes = N * (2.0 * C * sizeof(bf16) + sizeof(std::int32_t));
  auto sets = sets_of(bytes, [](std::uint32_t) { return cuda::Memory<bf16>(N * C); });
  measure<Bound::memory>(state, bytes, sets, [&](cuda::Memory<bf16>& x) {
    cuda::embedding_forward<C>(gpu(), Rows<bf16, C>{x.data(), N}, {tokens.data(), N}, {table.data(), V}, 1.0f);
  });
}

/// A row of the table is read and written once, however often its token occurs.
void backward(benchmark::State& state) {
  const auto dtable = filled<float>(V * C, 0);
  const auto values = integers(N, V, "tokens");
  const auto tokens = uploaded(values);
  const double rows = static_cast<double>(std::set<std::int32_t>(values.begin(), values.end()).size());
  const double bytes = N * (1.0 * C * sizeof(bf16) + sizeof(std::int32_t)) + rows * 2.0 * C * sizeof(float);
  auto sets = sets_of(bytes, [](std::uint32_t i) { return filled<bf16>(N * C, i + 1); });
  measure<Bound::memory>(state, bytes, sets, [&](cuda::Memory<bf16>& dx) {
    cuda::embedding_backward<C>(gpu(), Rows<float, C>{dtable.data(), V},
                                std::span<const std::int32_t>(tokens.data(), N), Rows<const bf16, C>{dx.data(), N},
                                1.0f);
  });
}

const bool added = add("cuda.embedding.forward.c4096", forward) && add("cuda.embedding.backward.c4096", backward);

}  // namespace

}  // namespace longsky::bench
