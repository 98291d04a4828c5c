// tests/cuda/attention_bounds_test.cpp — where each tile's walk begins and ends and what of it is shown whole, and that
// attention is the same with it, asking nothing where all is shown.
#include "cases/attention.hpp"
#include "cuda/on_device.hpp"

#include <longsky/cuda/attention_backward.cuh>
#include <longsky/cuda/attention_bounds.cuh>
#include <longsky/cuda/attention_float.cuh>
#include <longsky/cuda/attention_forward.cuh>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

namespace longsky::test {

namespace {

template <class Mask, int H, int KV, int D, class T = bf16>
using Case = AttentionCase<Mask, H, KV, D, T>;

/// The walk that a tile of `owned` rows has if every tile of the other side is asked, with the first of its longest
/// runs of whole tiles; and how many tiles are walked over.
template <class Mask>
std::pair<std::vector<std::int32_t>, int> walk_by_hand(const SequencePlaces& places, int T, int first, int owned,
                                                       int walked, bool keys) {
  int begin = 0, behind = 0, run = 0, longest = 0, behind_whole = 0;
  for (int from = 0; from < T; from += walked) {
    const TokenRange own = places.range(first, std::min(T, first + owned) - 1),
                     other = places.range(from, std::min(T, from + walked) - 1);
    const Cover cover = keys ? Mask::cover(other, own) : Mask::cover(own, other);
    const bool has_all_rows = from + walked <= T && (!keys || first + owned <= T);
    run = cover == Cover::all && has_all_rows ? run + walked : 0;
    if (run > longest) longest = run, behind_whole = from + walked;
    if (cover == Cover::none) continue;
    if (behind == 0) begin = from;
    behind = from + walked;
  }
  return {{begin, behind, behind_whole - longest, behind_whole}, (behind - begin) / walked};
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
  int tiles = 0, causal = 0, whole = 0;
  const auto check = [&](cuda::kernel::Walker walker, int owned, int walked) {
    const bool keys = walker == cuda::kernel::Walker::backward_keys;
    for (int b = 0; b < B; ++b)
      for (int tile = 0; tile * owned < context; ++tile) {
        const auto [walk, count] = walk_by_hand<Mask>(batch.places(b), context, tile * owned, owned, walked, keys);
        const auto at = found.begin() + cuda::kernel::bounds_place(batch, walker, b, tile);
        CHECK(std::vector<std::int32_t>(at, at + 4) == walk);
        tiles += count;
        whole += (walk[3] - walk[2]) / walked;
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
  if (std::is_same_v<Mask, Causal> && context == 1000) CHECK(whole * 4 > tiles * 3);
}

/// Between tiles that the mask shows whole, no document is read: where the numbers in memory are others than those
/// that the bounds were found for, on both sides of a border between such tiles, all results are the same bits.
TEMPLATE_TEST_CASE("attention reads no document of the tiles that its bounds say are shown whole", "[cuda][attention]",
                   (Case<WithinDocument<>, 1, 1, 32>), (Case<WithinDocument<>, 1, 1, 64>),
                   (Case<WithinDocument<>, 1, 1, 128>), (Case<WithinDocument<>, 1, 1, 32, float>)) {
  using T = typename TestType::T;
  using Tiles =
      std::conditional_t<std::is_same_v<T, float>, cuda::AttentionFloatTiles, cuda::AttentionTiles<TestType::D>>;
  using Keys = typename Tiles::Keys;
  constexpr int queries = std::lcm(Tiles::Forward::owned, Tiles::Queries::owned);
  constexpr int border = std::lcm(queries, std::lcm(Keys::owned, Keys::walked)), context = border + Keys::walked;
  const AttentionShape s = TestType::shape(1, context);
  const typename TestType::Inputs in(s);
  std::vector<std::int32_t> one(context, 1), two = one;
  std::fill(two.begin() + border, two.end(), 2);
  cuda::Device device;
  const auto of_one = TestType::on(device, s, in, one), of_two = TestType::on(device, s, in, two),
             misled = TestType::on(device, s, in, two, /*with_bounds=*/true, one);
  for (std::size_t i = 0; i < misled.size(); ++i) CHECK(same_bits(misled[i], of_one[i]));
  CHECK_FALSE(same_bits(of_two[0], of_one[0]));
}

}  // namespace longsky::test
