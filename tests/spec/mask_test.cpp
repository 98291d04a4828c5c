// tests/spec/mask_test.cpp — what a mask says of a tile must be what it says of the tile's pairs.
#include "support/catch.hpp"

#include <longsky/core/random.hpp>
#include <longsky/spec/mask.hpp>
#include <longsky/spec/objective.hpp>

#include <tuple>
#include <vector>

using namespace longsky;

static_assert(MaskPolicy<Causal> && MaskPolicy<SlidingWindow<3>> && MaskPolicy<WithinDocument<SlidingWindow<3>>>);
static_assert(WithinDocument<>::isolates_documents && !Causal::isolates_documents);
static_assert(Objective<NextToken> && Objective<ResponseOnly>);
static_assert(NextToken::trains(Role::prompt) && !NextToken::trains(Role::silent));
static_assert(ResponseOnly::trains(Role::response) && !ResponseOnly::trains(Role::prompt) && !ResponseOnly::trains(Role::text));

using Masks = std::tuple<Causal, SlidingWindow<1>, SlidingWindow<9>, WithinDocument<>, WithinDocument<SlidingWindow<5>>>;

TEMPLATE_LIST_TEST_CASE("a tile's cover is the truth about its pairs", "[spec][mask]", Masks) {
  Random random(1, stream_of("mask"), 0);
  constexpr int T = 40;
  std::vector<TokenPlace> tokens(T);
  int exact = 0;
  for (int round = 0; round < 400; ++round) {
    int document = 0;
    for (int t = 0; t < T; ++t) tokens[static_cast<std::size_t>(t)] = {t, document += random.chance(0.08f)};
    const auto range = [&] {
      const int first = static_cast<int>(random.below(T));
      return std::pair(first, first + static_cast<int>(random.below(static_cast<std::uint32_t>(T - first))));
    };
    const auto [q0, q1] = range();
    const auto [k0, k1] = range();
    const auto at = [&](int t) { return tokens[static_cast<std::size_t>(t)]; };
    int visible = 0, pairs = 0;
    for (int q = q0; q <= q1; ++q)
      for (int k = k0; k <= k1; ++k, ++pairs) {
        const bool sees = TestType::visible(at(q), at(k));
        REQUIRE((!sees || k <= q));  // every mask is causal
        visible += sees;
      }
    const Cover cover = TestType::cover({at(q0), at(q1)}, {at(k0), at(k1)});
    if (cover == Cover::none) REQUIRE(visible == 0);
    if (cover == Cover::all) REQUIRE(visible == pairs);
    exact += (cover == Cover::none) == (visible == 0);
  }
  CHECK(exact > 300);  // a cover that always says "some" would be right and useless
}
