// tests/cuda/attention_heads_test.cpp — how many heads' blocks run at a time, and that the results do not depend on it.
#include "cases/attention.hpp"
#include "cuda/on_device.hpp"

#include <longsky/cuda/attention_atomic.cuh>
#include <longsky/cuda/attention_backward.cuh>
#include <longsky/cuda/attention_bounds.cuh>
#include <longsky/cuda/attention_float.cuh>
#include <longsky/cuda/attention_forward.cuh>

#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace longsky::test {

namespace {

/// The tiles of attention where what blocks walk over must fit in fewer bytes.
template <class Tiles, std::int64_t Bytes>
struct Within : Tiles {
  static constexpr std::int64_t in_cache = Bytes;
};

template <class Mask, int H, int KV, int D, class T = bf16>
using Case = AttentionCase<Mask, H, KV, D, T>;

}  // namespace

TEST_CASE("as many heads are at work at a time as keep what they walk over in the cache", "[cuda][attention]") {
  const auto grid = [](std::int64_t heads, int share, std::int64_t bytes) {
    const cuda::Grid g = cuda::attention_grid(heads, share, bytes, 7, 128, 0, 32 << 20);
    CHECK(g.rows == 7);
    return std::array{g.blocks, g.layers};
  };
  using Want = std::array<std::int64_t, 2>;
  CHECK(grid(8, 4, 2 * 4096 * 128 * 2) == Want{32, 1});           // all of them
  CHECK(grid(8, 4, 2 * 32768 * 128 * 2) == Want{8, 4});           // two of keys, with their four of queries each
  CHECK(grid(8, 1, 8 * 32768 * 128 * 2) == Want{1, 8});           // one, though it is larger than the cache
  CHECK(grid(7, 2, (std::int64_t{32} << 20) / 4) == Want{8, 2});  // four and three
  CHECK(grid(0, 2, 1024)[1] == 0);
  CHECK(grid(3, 2, 0) == Want{6, 1});
  CHECK_THROWS_AS((cuda::Grid{1, 128, 0, 1, 65536}.check()), Error);
}

TEMPLATE_TEST_CASE("attention computes the same bits however many heads are at work at a time",
                   "[cuda][attention][repeats]", (Case<WithinDocument<>, 4, 2, 32>), (Case<Causal, 1, 1, 64>),
                   (Case<Causal, 2, 1, 128>), (Case<WithinDocument<>, 2, 1, 16, float>)) {
  using T = typename TestType::T;
  using Mask = typename TestType::Mask;
  constexpr int B = 3, context = 150, H = TestType::H, KV = TestType::KV, D = TestType::D;
  using All = std::conditional_t<std::is_same_v<T, float>, cuda::AttentionFloatTiles, cuda::AttentionTiles<D>>;
  constexpr std::int64_t of_head = 2 * context * D * std::int64_t{sizeof(T)};
  const AttentionShape s = TestType::shape(B, context);
  const typename TestType::Inputs in(s);
  const std::vector<std::int32_t> documents = TestType::documents(B, context);
  const auto results = [&]<class Tiles>(Tiles) {
    cuda::Device device;
    const std::int64_t N = std::int64_t{B} * context;
    auto q = put<T>(device, in.q), k = put<T>(device, in.k), v = put<T>(device, in.v), d_o = put<T>(device, in.d_o),
         o = room<T>(device, s.queries()), dq = room<T>(device, s.queries()), dk = room<T>(device, s.keys()),
         dv = room<T>(device, s.keys());
    auto lse = room<float>(device, N * H);
    auto on_documents = put<std::int32_t>(device, documents);
    const AttentionBatch batch{B, context, documents.empty() ? nullptr : on_documents.data()};
    const Rows<T, H * D> of_o{o, N}, of_d_o{d_o, N};
    cuda::attention_forward<Mask, H, KV, D, Tiles>(device, of_o, lse.data(), q.data(), k.data(), v.data(), batch);
    cuda::attention_backward<Mask, H, KV, D, Tiles>(device, dq.data(), dk.data(), dv.data(), of_d_o, of_o, lse.data(),
                                                    q.data(), k.data(), v.data(), batch);
    return std::array{o.floats(), lse.floats(), dq.floats(), dk.floats(), dv.floats()};
  };
  const auto all = results(All());
  const auto compare = [&](const auto& few) {
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(same_bits(few[i], all[i]));
  };
  compare(results(Within<All, 1>()));            // of one head of keys
  compare(results(Within<All, 2 * of_head>()));  // of two: where there are three, the last layer has one
}

}  // namespace longsky::test
