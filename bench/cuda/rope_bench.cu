// bench/cuda/rope_bench.cu — rotary positions and the cut into heads, 32 query heads and 8 of keys: the bytes a second
// that the op must read and write, a token's row of the table counted once, beside a plain copy's.
#include "measure.cuh"

#include <longsky/cuda/rope.cuh>

#include <cstdint>
#include <numeric>
#include <vector>

namespace longsky::bench {

namespace {

constexpr int H = 32, KV = 8, D = 128, width = (H + 2 * KV) * D, T = 16384;
constexpr double bytes = T * (2.0 * width * sizeof(bf16) + D * sizeof(float));

struct Arrays {
  cuda::Memory<bf16> qkv, q, k, v;
  explicit Arrays(std::uint32_t set)
      : qkv(filled<bf16>(std::int64_t{T} * width, 4 * set)),
        q(filled<bf16>(std::int64_t{T} * H * D, 4 * set + 1)),
        k(filled<bf16>(std::int64_t{T} * KV * D, 4 * set + 2)),
        v(filled<bf16>(std::int64_t{T} * KV * D, 4 * set + 3)) {}
};

template <bool Forward>
void rope(benchmark::State& state) {
  std::vector<std::int32_t> in_order(T);
  std::iota(in_order.begin(), in_order.end(), 0);
  const auto positions = uploaded(in_order);
  const auto table = filled<float>(std::int64_t{T} * D, 100);
  const std::span<const std::int32_t> of_tokens(positions.data(), T);
  auto sets = sets_of(bytes, [](std::uint32_t i) { return Arrays(i); });
  measure<Bound::memory>(state, bytes, sets, [&](Arrays& a) {
    if constexpr (Forward)
      cuda::rope_forward<H, KV, D>(gpu(), a.q.data(), a.k.data(), a.v.data(), Rows<const bf16, width>{a.qkv.data(), T},
                                   of_tokens, table.data(), T);
    else
      cuda::rope_backward<H, KV, D>(gpu(), Rows<bf16, width>{a.qkv.data(), T}, static_cast<const bf16*>(a.q.data()),
                                    static_cast<const bf16*>(a.k.data()), static_cast<const bf16*>(a.v.data()),
                                    of_tokens, table.data(), T);
  });
}

const bool added = add("cuda.rope.forward.h32.d128", rope<true>) && add("cuda.rope.backward.h32.d128", rope<false>);

}  // namespace

}  // namespace longsky::bench
