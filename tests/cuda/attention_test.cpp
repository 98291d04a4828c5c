// tests/cuda/attention_test.cpp — flash attention's kernels against attention as it is defined, in double precision.
#include "cuda/on_device.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference_rows.hpp"

#include <longsky/cuda/attention_backward.cuh>
#include <longsky/cuda/attention_forward.cuh>

namespace {

using namespace longsky;
using namespace longsky::test;

template <class MaskPolicy, int Heads, int KvHeads, int HeadDim>
struct Case {
  using Mask = MaskPolicy;
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

}  // namespace

TEMPLATE_TEST_CASE("attention on a GPU is its definition", "[cuda][attention]", (Case<Causal, 2, 1, 32>),
                   (Case<Causal, 2, 2, 64>), (Case<Causal, 4, 1, 128>), (Case<WithinDocument<>, 2, 1, 64>),
                   (Case<SlidingWindow<70>, 1, 1, 32>)) {
  using C = TestType;
  constexpr int B = 2;
  const int T = GENERATE(1, 17, 64, 131, 200);
  const AttentionShape s{B, C::H, C::KV, T, C::D};
  auto q = random_floats(s.queries(), "q");
  for (float& x : q) x *= 4;  // a softmax that has peaks
  q = stored_as<bf16>(q);
  const auto k = stored_as<bf16>(random_floats(s.keys(), "k")), v = stored_as<bf16>(random_floats(s.keys(), "v"));
  const auto documents = documents_of(B, T);
  cuda::Device device;
  OnDevice<bf16> on_q(device, q), on_k(device, k), on_v(device, v), o(device, s.queries());
  OnDevice lse(device, s.queries() / C::D);
  OnDevice<std::int32_t> on_documents(device, documents);
  cuda::attention_forward<typename C::Mask, C::H, C::KV, C::D>(device, {o, std::int64_t{B} * T}, lse, on_q, on_k, on_v,
                                                               {B, T, on_documents});
  const auto d_o = stored_as<bf16>(random_floats(s.queries(), "d_o"));
  OnDevice<bf16> on_d_o(device, d_o), dq(device, s.queries()), dk(device, s.keys()), dv(device, s.keys());
  cuda::attention_backward<typename C::Mask, C::H, C::KV, C::D>(device, dq, dk, dv, {on_d_o, std::int64_t{B} * T},
                                                                {o, std::int64_t{B} * T}, lse, on_q, on_k, on_v,
                                                                {B, T, on_documents});
  const auto want = attention<typename C::Mask>(s, to_double(q), to_double(k), to_double(v), to_double(d_o), documents);
  CHECK(close(o.floats(), want.o.value, want.o.scale, 2 * rounding<bf16>));
  CHECK(close(lse.floats(), want.lse, 1e-5));
  // Probabilities, ds and o are rounded once each before they are multiplied.
  CHECK(close(dv.floats(), want.dv.value, want.dv.scale, 2 * rounding<bf16>));
  CHECK(close(dk.floats(), want.dk.value, want.dk.scale, 3 * rounding<bf16>));
  CHECK(close(dq.floats(), want.dq.value, want.dq.scale, 3 * rounding<bf16>));
}
