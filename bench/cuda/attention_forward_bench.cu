// bench/cuda/attention_forward_bench.cu — attention forward in useful operations a second: 4 D for each pair of a query
// and a key that it sees, of which a causal mask shows T^2 / 2; what a tile computes beyond them does not count.
#include "attention.cuh"

namespace {

using namespace longsky;

struct Forward {
  template <class Mask, int H, int KV, int D>
  static void run(benchmark::State& state, int T) {
    using Arrays = bench::AttentionArrays<H, KV, D>;
    const bench::AttentionTokens tokens(T);
    const auto documents = bench::uploaded(tokens.documents);
    const AttentionBatch batch{tokens.B, T, Mask::isolates_documents ? documents.data() : nullptr};
    auto sets = bench::sets_of(Arrays::bytes(static_cast<double>(tokens.count())),
                               [&](std::uint32_t i) { return Arrays(tokens.count(), i); });
    bench::measure<bench::Bound::product>(state, 4.0 * D * H * tokens.pairs<Mask>(), sets,
                                          [&](Arrays& a) { a.template forward<Mask>(batch); });
  }
};

const bool added = bench::add_attention<Forward>("forward");

}  // namespace
