// bench/cuda/attention.cuh — the arrays of one attention, and how many pairs of tokens its mask shows.
#pragma once

#include "measure.cuh"

#include <longsky/cuda/attention_backward.cuh>
#include <longsky/cuda/attention_bounds.cuh>
#include <longsky/cuda/attention_forward.cuh>
#include <longsky/spec/mask.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace longsky::bench {

/// Sequences of T tokens, 16 Ki tokens at the least, packed with documents of up to a quarter of a sequence.
struct AttentionTokens {
  int T, B = std::max(1, 16384 / T);
  std::vector<std::int32_t> documents;
  double pairs_in_documents = 0;  // of a query and an earlier key of its own document, half a square each

  explicit AttentionTokens(int context) : T(context) {
    Random random(1, stream_of("documents"), 0);
    for (int b = 0; b < B; ++b)
      for (int first = 0, document = 0; first < T; ++document) {
        const int length = std::min(random.between(64, T / 4), T - first);
        documents.insert(documents.end(), static_cast<std::size_t>(length), document);
        pairs_in_documents += 0.5 * length * length;
        first += length;
      }
  }
  std::int64_t count() const { return std::int64_t{B} * T; }
  template <class Mask>
  double pairs() const {
    return Mask::isolates_documents ? pairs_in_documents : 0.5 * T * T * B;
  }
};

/// The batch as a network hands it to its layers: with the bounds of each tile, which are found once a pass.
template <class Mask, int H, int KV, int D>
class BoundedBatch {
 public:
  explicit BoundedBatch(const AttentionTokens& tokens)
      : documents_(uploaded(tokens.documents)), bounds_(cuda::Device::attention_bounds_size(tokens.count())) {
    batch_ = {tokens.B, tokens.T, Mask::isolates_documents ? documents_.data() : nullptr};
    cuda::attention_bounds<Mask, H, KV, D, bf16>(gpu(), bounds_.data(), batch_);
    batch_.bounds = bounds_.data();
  }
  const AttentionBatch& batch() const { return batch_; }

 private:
  cuda::Memory<std::int32_t> documents_, bounds_;
  AttentionBatch batch_{};
};

template <int H, int KV, int D>
struct AttentionArrays {
  static constexpr double bytes(double tokens) { return tokens * (2 * H + 2 * KV) * D * sizeof(bf16); }
  cuda::Memory<bf16> q, k, v, o;
  cuda::Memory<float> lse;
  AttentionArrays(std::int64_t N, std::uint32_t set)
      : q(filled<bf16>(N * H * D, 10 * set)),
        k(filled<bf16>(N * KV * D, 10 * set + 1)),
        v(filled<bf16>(N * KV * D, 10 * set + 2)),
        o(N * H * D),
        lse(N * H) {}

  template <class Mask>
  void forward(AttentionBatch batch) {
    cuda::attention_forward<Mask, H, KV, D>(gpu(), {o.data(), batch.sequences * batch.context}, lse.data(), q.data(),
                                            k.data(), v.data(), batch);
  }
};

/// The shapes: 2,048 wide, head dims 64 and 128, contexts of 4 Ki to 256 Ki; four queries a key; documents. `Pass` has
/// a member `run<Mask, H, KV, D>(state, T)`.
template <class Pass>
bool add_attention(const std::string& pass) {
  const auto dims = [&]<int D>() {
    constexpr int H = 2048 / D;
    const std::string key = "cuda.attention." + pass + ".d" + std::to_string(D);
    for (const int T : {4096, 16384, 65536, 262144})
      add(key + ".t" + std::to_string(T), [T](benchmark::State& s) { Pass::template run<Causal, H, H, D>(s, T); });
    for (const int T : {16384, 65536})
      add(key + ".gqa4.t" + std::to_string(T),
          [T](benchmark::State& s) { Pass::template run<Causal, H, H / 4, D>(s, T); });
    for (const int T : {16384, 32768})
      add(key + ".documents.t" + std::to_string(T),
          [T](benchmark::State& s) { Pass::template run<WithinDocument<>, H, H, D>(s, T); });
  };
  dims.template operator()<64>();
  dims.template operator()<128>();
  return true;
}

}  // namespace longsky::bench
