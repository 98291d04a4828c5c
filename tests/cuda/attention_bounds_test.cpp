// tests/cuda/attention_bounds_test.cpp — where each tile's walk begins and ends, and that attention is the same with
// it.
#include "cases/attention.hpp"
#include "cuda/on_device.hpp"

#include <longsky/cuda/attention_backward.cuh>
#include <longsky/cuda/attention_bounds.cuh>
#include <longsky/cuda/attention_float.cuh>
#include <longsky/cuda/attention_forward.cuh>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace longsky::test {

namespace {

template <class Mask, int H, int KV, int D, class T = bf16>
using Case = AttentionCase<Mask, H, KV, D, T>;

/// The walk that a tile of `owned` rows has if every tile of the other side is asked, and how many tiles that is.
template <class Mask>
std::pair<std::vector<std::int32_t>, int> walk_by_hand(const SequencePlaces& places, int T, int first, int owned,
                                                       int walked, bool keys) {
  int begin = 0, behind = 0;
  for (int from = 0; from < T; from += walked) {
    const TokenRange own = places.range(first, std::min(T, first + owned) - 1),
                     other = places.range(from, std::min(T, from + walked) - 1);
    if ((keys ? Mask::cover(other, own) : Mask::cover(own, other)) == Cover::none) continue;
    if (behind == 0) begin = from;
    behind = from + walked;
  }
  return {{begin, behind}, (behind - begin) / walked};
}

}  // namespace

TEMPLATE_TEST_CASE("attention computes the same bits where it knows its bounds beforehand", "[cuda][attention]",
                   (Case<Causal, 1, 1, 32>), (Case<WithinDocument<>, 2, 1, 32>), (Case<SlidingWindow<70>, 1, 1, 64>),
                   (Case<SinksAndWindow<10, 30>, 1, 1, 32>), (Case<WithinDocument<>, 2, 1, 16, float>),
                   (Case<SinksAndWindow<10, 30>, 1, 1, 32, float>)) {
  TestType::template check_bounds<cuda::Device>(2, GENERATE(1, 65, 210));
}

TEMPLATE_TEST_CASE("the bounds of attention are the first and the last tile that the mask shows",
                   "[cuda][attention][smoke]", (Case<Causal, 1, 1, 128>), (Case<WithinDocument<>, 1, 1, 64>),
                   (Case<SlidingWindow<70>, 1, 1, 32>), (Case<SinksAndWindow<10, 30>, 1, 1, 64>),
                   (Case<WithinDocument<>, 1, 1, 64, float>)) {
  using Mask = typename TestType::Mask;
  using T = typename TestType::T;
  using Tiles =
      std::conditional_t<std::is_same_v<T, float>, cuda::AttentionFloatTiles, cuda::AttentionTiles<TestType::D>>;
  constexpr int B = 3;
  const int context = GENERATE(1, 64, 1000);
  const auto documents = uneven_documents(B, context);
  cuda::Device device;
  OnDevice<std::int32_t> on_documents(device, documents);
  OnDevice<std::int32_t> bounds(device, cuda::Device::attention_bounds_size(B * context));
  cuda::attention_bounds<Mask, 1, 1, TestType::D, T>(device, bounds.data(), {B, context, on_documents});
  const auto found = bounds.values();
  const AttentionBatch batch{B, context, documents.data()};
  int tiles = 0, causal = 0;
  const auto check = [&](cuda::kernel::Walker walker, int owned, int walked) {
    const bool keys = walker == cuda::kernel::Walker::backward_keys;
    for (int b = 0; b < B; ++b)
      for (int tile = 0; tile * owned < context; ++tile) {
        const auto [walk, count] = walk_by_hand<Mask>(batch.places(b), context, tile * owned, owned, walked, keys);
        const auto at = found.begin() + cuda::kernel::bounds_place(batch, walker, b, tile);
        CHECK(std::vector<std::int32_t>(at, at + 2) == walk);
        tiles += count;
        causal += walk_by_hand<Causal>(batch.places(b), context, tile * owned, owned, walked, keys).second;
      }
  };
  using Forward = typename Tiles::Forward;
  using Keys = typename Tiles::Keys;
  using Queries = typename Tiles::Queries;
  check(cuda::kernel::Walker::forward, Forward::owned, Forward::walked);
  check(cuda::kernel::Walker::backward_keys, Keys::owned, Keys::walked);
  check(cuda::kernel::Walker::backward_queries, Queries::owned, Queries::walked);
  if (std::is_same_v<Mask, WithinDocument<>> && context == 1000) CHECK(tiles * 3 < causal);
}

}  // namespace longsky::test
