// bench/cuda/attention_forward_bench.cu — attention forward in useful operations a second: 4 D for each pair of a query
// and a key that it sees, of which a causal mask shows T^2 / 2; what a tile computes beyond them does not count.
#include "attention.cuh"

namespace longsky::bench {

namespace {

struct Forward {
  template <class Mask, int H, int KV, int D>
  static void run(benchmark::State& state, int T) {
    using Arrays = AttentionArrays<H, KV, D>;
    const AttentionTokens tokens(T);
    const BoundedBatch<Mask, H, KV, D> bounded(tokens);
    const AttentionBatch& batch = bounded.batch();
    auto sets = sets_of(Arrays::bytes(static_cast<double>(tokens.count())),
                        [&](std::uint32_t i) { return Arrays(tokens.count(), i); });
    measure<Bound::product>(state, 4.0 * D * H * tokens.pairs<Mask>(), sets,
                            [&](Arrays& a) { a.template forward<Mask>(batch); });
  }
};

const bool added = add_attention<Forward>("forward");

}  // namespace

}  // namespace longsky::bench
