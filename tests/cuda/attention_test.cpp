// tests/cuda/attention_test.cpp — flash attention's kernels against attention as it is defined, in double precision.
#include "cuda/on_device.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference_rows.hpp"

#include <longsky/cuda/attention_atomic.cuh>
#include <longsky/cuda/attention_backward.cuh>
#include <longsky/cuda/attention_bounds.cuh>
#include <longsky/cuda/attention_decode.cuh>
#include <longsky/cuda/attention_float.cuh>
#include <longsky/cuda/attention_forward.cuh>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace longsky::test {

namespace {

template <class MaskPolicy, int Heads, int KvHeads, int HeadDim, class Type = bf16, class Gpu = cuda::Device>
struct Case {
  using Mask = MaskPolicy;
  using Element = Type;
  using Device = Gpu;
  static constexpr int H = Heads, KV = KvHeads, D = HeadDim;
};

/// Documents of a few tokens up to a few tiles.
std::vector<std::int32_t> documents_of(int sequences, int context) {
  std::vector<std::int32_t> documents;
  Random random(4, stream_of("documents"), 0);
  for (int b = 0; b < sequences; ++b)
    for (int t = 0, document = 0; t < context; ++t) {
      if (t > 0 && random.below(40) == 0) ++document;
      documents.push_back(document);
    }
  return documents;
}

/// The first tokens and the latest ones: whole tiles between them are hidden.
template <int Sinks, int Window>
struct SinksAndWindow {
  static constexpr bool isolates_documents = false;
  LONGSKY_HD static constexpr bool visible(TokenPlace q, TokenPlace k) {
    return k.index <= q.index && (k.index < Sinks || q.index - k.index < Window);
  }
  LONGSKY_HD static constexpr Cover cover(TokenRange q, TokenRange k) {
    const Cover window = SlidingWindow<Window>::cover(q, k);
    return window == Cover::none && k.first.index < Sinks && k.first.index <= q.last.index ? Cover::some : window;
  }
};

/// Everything that attention computes, of random numbers.
template <class C>
struct Computed {
  static constexpr std::int64_t N(const AttentionBatch& batch) { return batch.sequences * batch.context; }
  OnDevice<bf16> o, dq, dk, dv;
  OnDevice<float> lse;

  Computed(cuda::Device& device, const AttentionBatch& batch)
      : o(device, N(batch) * C::H * C::D),
        dq(device, N(batch) * C::H * C::D),
        dk(device, N(batch) * C::KV * C::D),
        dv(device, N(batch) * C::KV * C::D),
        lse(device, N(batch) * C::H) {
    OnDevice<bf16> q(device, random_floats(N(batch) * C::H * C::D, "q")),
        k(device, random_floats(N(batch) * C::KV * C::D, "k")), v(device, random_floats(N(batch) * C::KV * C::D, "v")),
        d_o(device, random_floats(N(batch) * C::H * C::D, "d_o"));
    cuda::attention_forward<typename C::Mask, C::H, C::KV, C::D>(device, Rows<bf16, C::H * C::D>{o, N(batch)},
                                                                 lse.data(), q.data(), k.data(), v.data(), batch);
    cuda::attention_backward<typename C::Mask, C::H, C::KV, C::D>(
        device, dq.data(), dk.data(), dv.data(), Rows<const bf16, C::H * C::D>{d_o, N(batch)},
        Rows<const bf16, C::H * C::D>{o, N(batch)}, lse.data(), q.data(), k.data(), v.data(), batch);
  }
};

/// The walk that a tile of `owned` rows has if every tile of the other side is asked, and how many tiles that is.
template <class Mask>
std::pair<std::vector<float>, int> walk_by_hand(const SequencePlaces& places, int T, int first, int owned, int walked,
                                                bool keys) {
  int begin = 0, behind = 0;
  for (int from = 0; from < T; from += walked) {
    const TokenRange own = places.range(first, std::min(T, first + owned) - 1),
                     other = places.range(from, std::min(T, from + walked) - 1);
    if ((keys ? Mask::cover(other, own) : Mask::cover(own, other)) == Cover::none) continue;
    if (behind == 0) begin = from;
    behind = from + walked;
  }
  return {{static_cast<float>(begin), static_cast<float>(behind)}, (behind - begin) / walked};
}

}  // namespace

TEMPLATE_TEST_CASE("attention on a GPU is its definition", "[cuda][attention]", (Case<Causal, 2, 1, 32>),
                   (Case<Causal, 2, 2, 64>), (Case<Causal, 4, 1, 128>), (Case<WithinDocument<>, 2, 1, 64>),
                   (Case<SlidingWindow<70>, 1, 1, 32>), (Case<Causal, 2, 1, 16, float>),
                   (Case<Causal, 4, 2, 64, float>), (Case<WithinDocument<>, 2, 2, 32, float>),
                   (Case<SlidingWindow<70>, 1, 1, 128, float>), (Case<Causal, 2, 1, 32, bf16, cuda::AtomicDevice>),
                   (Case<WithinDocument<>, 2, 2, 64, bf16, cuda::AtomicDevice>),
                   (Case<Causal, 4, 1, 128, bf16, cuda::AtomicDevice>)) {
  using C = TestType;
  using E = typename C::Element;
  constexpr int B = 2;
  constexpr double error = sizeof(E) == 4 ? 1e-5 : rounding<bf16>;
  const int T = GENERATE(1, 17, 64, 200);
  const AttentionShape s{B, C::H, C::KV, T, C::D};
  auto q = random_floats(s.queries(), "q");
  for (float& x : q) x *= 4;  // a softmax that has peaks
  q = stored_as<E>(q);
  const auto k = stored_as<E>(random_floats(s.keys(), "k")), v = stored_as<E>(random_floats(s.keys(), "v"));
  const auto documents = documents_of(B, T);
  typename C::Device device;
  OnDevice<E> on_q(device, q), on_k(device, k), on_v(device, v), o(device, s.queries());
  OnDevice lse(device, s.queries() / C::D);
  OnDevice<std::int32_t> on_documents(device, documents);
  cuda::attention_forward<typename C::Mask, C::H, C::KV, C::D>(device, Rows<E, C::H * C::D>{o, std::int64_t{B} * T},
                                                               lse, on_q.data(), on_k.data(), on_v.data(),
                                                               {B, T, on_documents});
  const auto d_o = stored_as<E>(random_floats(s.queries(), "d_o"));
  OnDevice<E> on_d_o(device, d_o), dq(device, s.queries()), dk(device, s.keys()), dv(device, s.keys());
  cuda::attention_backward<typename C::Mask, C::H, C::KV, C::D>(
      device, dq.data(), dk.data(), dv.data(), Rows<const E, C::H * C::D>{on_d_o, std::int64_t{B} * T},
      Rows<const E, C::H * C::D>{o, std::int64_t{B} * T}, lse, on_q.data(), on_k.data(), on_v.data(),
      {B, T, on_documents});
  const auto want = attention<typename C::Mask>(s, to_double(q), to_double(k), to_double(v), to_double(d_o), documents);
  CHECK(close(o.floats(), want.o.value, want.o.scale, 2 * error));
  CHECK(close(lse.floats(), want.lse, 1e-5));
  // Probabilities, ds and o are rounded once each before they are multiplied.
  CHECK(close(dv.floats(), want.dv.value, want.dv.scale, 2 * error));
  CHECK(close(dk.floats(), want.dk.value, want.dk.scale, 3 * error));
  CHECK(close(dq.floats(), want.dq.value, want.dq.scale, 3 * error));
}

TEMPLATE_TEST_CASE("attention computes the same bits where it knows its bounds beforehand", "[cuda][attention]",
                   (Case<Causal, 1, 1, 32>), (Case<WithinDocument<>, 2, 1, 32>), (Case<SlidingWindow<70>, 1, 1, 64>),
                   (Case<SinksAndWindow<10, 30>, 1, 1, 32>)) {
  using C = TestType;
  constexpr int B = 2;
  const int T = GENERATE(1, 65, 210);
  cuda::Device device;
  OnDevice<std::int32_t> documents(device, documents_of(B, T));
  OnDevice<std::int32_t> bounds(device, cuda::Device::attention_bounds_size<bf16>(B * T));
  AttentionBatch batch{B, T, documents};
  Computed<C> without(device, batch);
  cuda::attention_bounds<typename C::Mask, C::H, C::KV, C::D>(device, bounds.data(), batch);
  batch.bounds = bounds.data();
  Computed<C> with(device, batch);
  CHECK(with.o.floats() == without.o.floats());
  CHECK(with.lse.floats() == without.lse.floats());
  CHECK(with.dq.floats() == without.dq.floats());
  CHECK(with.dk.floats() == without.dk.floats());
  CHECK(with.dv.floats() == without.dv.floats());
}

TEMPLATE_TEST_CASE("the bounds of attention are the first and the last tile that the mask shows", "[cuda][attention]",
                   (Case<Causal, 1, 1, 128>), (Case<WithinDocument<>, 1, 1, 64>), (Case<SlidingWindow<70>, 1, 1, 32>),
                   (Case<SinksAndWindow<10, 30>, 1, 1, 64>)) {
  using Mask = typename TestType::Mask;
  using Forward = cuda::AttentionTile<TestType::D>;
  using Backward = cuda::AttentionBackwardTile<TestType::D>;
  constexpr int B = 3;
  const int T = GENERATE(1, 64, 1000);
  const auto documents = documents_of(B, T);
  cuda::Device device;
  OnDevice<std::int32_t> on_documents(device, documents);
  OnDevice<std::int32_t> bounds(device, cuda::Device::attention_bounds_size<bf16>(B * T));
  cuda::attention_bounds<Mask, 1, 1, TestType::D>(device, bounds.data(), {B, T, on_documents});
  const auto found = bounds.floats();
  const AttentionBatch batch{B, T, documents.data()};
  struct Kind {
    cuda::kernel::Walker walker;
    int owned, walked;
  };
  int tiles = 0, causal = 0;
  for (const Kind& kind :
       {Kind{cuda::kernel::Walker::forward, Forward::queries, Forward::keys},
        Kind{cuda::kernel::Walker::backward_keys, Backward::Keys::owned, Backward::Keys::walked},
        Kind{cuda::kernel::Walker::backward_queries, Backward::Queries::owned, Backward::Queries::walked}})
    for (int b = 0; b < B; ++b)
      for (int tile = 0; tile * kind.owned < T; ++tile) {
        const bool keys = kind.walker == cuda::kernel::Walker::backward_keys;
        const auto by_hand = [&]<class M>(M) {
          return walk_by_hand<M>(batch.places(b), T, tile * kind.owned, kind.owned, kind.walked, keys);
        };
        const auto [walk, count] = by_hand(Mask());
        const auto at = found.begin() + cuda::kernel::bounds_place(batch, kind.walker, b, tile);
        CHECK(std::vector<float>(at, at + 2) == walk);
        tiles += count;
        causal += by_hand(Causal()).second;
      }
  if (std::is_same_v<Mask, WithinDocument<>> && T == 1000) CHECK(tiles * 3 < causal);  // 40 tokens a document
}

TEMPLATE_TEST_CASE("attention of one token on a GPU is its definition", "[cuda][attention]", (Case<Causal, 2, 1, 64>),
                   (Case<SlidingWindow<70>, 4, 2, 32>), (Case<Causal, 2, 2, 128, float>),
                   (Case<Causal, 1, 1, 16, float>)) {
  using C = TestType;
  using E = typename C::Element;
  const int length = GENERATE(1, 5, 256, 257, 700);
  const int capacity = length + 3;
  // The cache as one sequence, of which the last query is asked for.
  const AttentionShape s{1, C::H, C::KV, length, C::D};
  const auto q = stored_as<E>(random_floats(s.queries(), "q"));
  const auto k = stored_as<E>(random_floats(s.keys(), "k")), v = stored_as<E>(random_floats(s.keys(), "v"));
  const auto want = attention<typename C::Mask>(s, to_double(q), to_double(k), to_double(v), zeros(s.queries()), {});
  std::vector<float> last, k_cache(static_cast<std::size_t>(C::KV * capacity * C::D), NAN), v_cache = k_cache;
  Doubles want_o, scale;
  for (int h = 0; h < C::H; ++h)
    for (int d = 0; d < C::D; ++d) {
      last.push_back(q[static_cast<std::size_t>(s.query(0, h, length - 1) + d)]);
      want_o.push_back(want.o.value[static_cast<std::size_t>(s.token(0, h, length - 1) + d)]);
      scale.push_back(want.o.scale[static_cast<std::size_t>(s.token(0, h, length - 1) + d)]);
    }
  for (int h = 0; h < C::KV; ++h)
    for (int i = 0; i < length * C::D; ++i) {
      const auto from = static_cast<std::size_t>(h * length * C::D + i),
                 to = static_cast<std::size_t>(h * capacity * C::D + i);
      k_cache[to] = k[from];
      v_cache[to] = v[from];
    }
  cuda::Device device;
  OnDevice<E> on_q(device, last), on_k(device, k_cache), on_v(device, v_cache), o(device, C::H * C::D);
  cuda::attention_decode<typename C::Mask, C::H, C::KV, C::D>(device, o.data(), on_q.data(), on_k.data(), on_v.data(),
                                                              length, capacity);
  CHECK(close(o.floats(), want_o, scale, sizeof(E) == 4 ? 1e-5 : 2 * rounding<bf16>));
}

}  // namespace longsky::test
