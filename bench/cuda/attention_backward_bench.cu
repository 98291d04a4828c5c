// bench/cuda/attention_backward_bench.cu — attention backward in useful operations a second: 10 D for each pair of a
// query and a key that it sees, five products; scores that are computed twice count once.
#include "attention.cuh"

namespace longsky::bench {

namespace {

template <auto Gpu>
struct Backward {
  template <class Mask, int H, int KV, int D>
  struct Arrays : AttentionArrays<H, KV, D> {
    cuda::Memory<bf16> d_o, dq, dk, dv;
    Arrays(std::int64_t N, std::uint32_t set, AttentionBatch batch)
        : AttentionArrays<H, KV, D>(N, set),
          d_o(filled<bf16>(N * H * D, 10 * set + 3)),
          dq(N * H * D),
          dk(N * KV * D),
          dv(N * KV * D) {
      this->template forward<Mask>(batch);
    }
  };

  template <class Mask, int H, int KV, int D>
  static void run(benchmark::State& state, int T) {
    using Set = Arrays<Mask, H, KV, D>;
    const AttentionTokens tokens(T);
    const BoundedBatch<Mask, H, KV, D> bounded(tokens);
    const std::int64_t N = tokens.count();
    const AttentionBatch& batch = bounded.batch();
    auto sets = sets_of(2 * Set::bytes(static_cast<double>(N)), [&](std::uint32_t i) { return Set(N, i, batch); });
    measure<Bound::product>(state, 10.0 * D * H * tokens.pairs<Mask>(), sets, [&](Set& a) {
      cuda::attention_backward<Mask, H, KV, D>(Gpu(), a.dq.data(), a.dk.data(), a.dv.data(), {a.d_o.data(), N},
                                               {a.o.data(), N}, a.lse.data(), a.q.data(), a.k.data(), a.v.data(),
                                               batch);
    });
  }
};

const bool added = add_attention<Backward<&gpu>>("backward");
const bool atomic_added = add_attention<Backward<&atomic_gpu>>("backward_atomic");

}  // namespace

}  // namespace longsky::bench
