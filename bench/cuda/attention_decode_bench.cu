// bench/cuda/attention_decode_bench.cu — attention of one query over a cache of keys and values: the bytes a second of
// the cache, which must be read once, beside a plain copy's.
#include "measure.cuh"

#include <longsky/cuda/attention_decode.cuh>
#include <longsky/spec/mask.hpp>

#include <cstdint>
#include <string>

namespace longsky::bench {

namespace {

template <int H, int KV, int D>
void decode(benchmark::State& state, int length) {
  struct Arrays {
    cuda::Memory<bf16> q, k, v, o;
    Arrays(std::uint32_t set, std::int64_t cache)
        : q(filled<bf16>(H * D, 3 * set)),
          k(filled<bf16>(cache, 3 * set + 1)),
          v(filled<bf16>(cache, 3 * set + 2)),
          o(H * D) {}
  };
  const std::int64_t cache = std::int64_t{KV} * length * D;
  const double bytes = 2.0 * static_cast<double>(cache) * sizeof(bf16);
  auto sets = sets_of(bytes, [&](std::uint32_t i) { return Arrays(i, cache); });
  measure<Bound::memory>(state, bytes, sets, [&](Arrays& a) {
    cuda::attention_decode<Causal, H, KV, D>(gpu(), a.o.data(), a.q.data(), a.k.data(), a.v.data(), length, length);
  });
}

bool add_decode() {
  const auto dims = [&]<int D>() {
    constexpr int H = 2048 / D;
    const std::string key = "cuda.attention.decode.d" + std::to_string(D);
    for (const int length : {16384, 262144}) {
      add(key + ".t" + std::to_string(length), [length](benchmark::State& s) { decode<H, H, D>(s, length); });
      add(key + ".gqa4.t" + std::to_string(length), [length](benchmark::State& s) { decode<H, H / 4, D>(s, length); });
    }
  };
  dims.template operator()<64>();
  dims.template operator()<128>();
  return true;
}

const bool added = add_decode();

}  // namespace

}  // namespace longsky::bench
