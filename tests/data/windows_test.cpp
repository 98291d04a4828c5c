// data/windows_test.cpp — windows of documents: each is there once, and drawn as often as any other.
#include <longsky/data/windows.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

using Sizes = std::vector<std::int64_t>;

/// All windows as their definition says, in no order.
std::multiset<std::pair<std::size_t, std::int64_t>> all_windows(const Sizes& sizes, std::int64_t length) {
  std::multiset<std::pair<std::size_t, std::int64_t>> windows;
  for (std::size_t d = 0; d < sizes.size(); ++d)
    for (std::int64_t first = 0; first + length <= sizes[d]; ++first) windows.insert({d, first});
  return windows;
}

}  // namespace

TEST_CASE("the windows of documents are numbered without a gap, whatever their sizes") {
  for (const Sizes& sizes : {Sizes{5}, Sizes{1, 1, 1}, Sizes{3, 9, 0, 9, 4, 1}, Sizes{0}, Sizes{}, Sizes{7, 2, 7, 2}}) {
    const WindowPlaces places(sizes);
    for (std::int64_t length = 1; length <= 10; ++length) {
      const auto expected = all_windows(sizes, length);
      REQUIRE(places.count(length) == static_cast<std::int64_t>(expected.size()));
      std::multiset<std::pair<std::size_t, std::int64_t>> found;
      for (std::int64_t n = 0; n < places.count(length); ++n) {
        const auto [document, first] = places.at(n, length);
        found.insert({document, first});
      }
      CHECK(found == expected);
    }
  }
}

TEST_CASE("windows of ten thousand million tokens begin anywhere in them") {
  const std::int64_t million = 1'000'000;
  const Sizes sizes{10 * million, 9'000 * million, 40, 600 * million, 390 * million};
  const WindowPlaces places(sizes);
  const std::int64_t length = 131'072, all = places.count(length);
  CHECK(all == 10'000 * million - 4 * (length - 1));
  CHECK(places.at(0, length) == WindowPlaces::Place{1, 0});
  CHECK(places.at(9'000 * million - length, length) == WindowPlaces::Place{1, 9'000 * million - length});
  CHECK(places.at(9'000 * million - length + 1, length) == WindowPlaces::Place{3, 0});
  CHECK(places.at(all - 1, length) == WindowPlaces::Place{0, 10 * million - length});
  // Each tenth of all windows is drawn about as often. A wrap at 2^32 would leave more than half of them out.
  constexpr int draws = 20'000;
  std::vector<int> tenths(10);
  Random random(1, stream_of("windows"), 0);
  for (int i = 0; i < draws; ++i) {
    const auto [document, first] = places.draw(length, random);
    REQUIRE((0 <= first && first + length <= sizes[document]));
    if (document == 1) ++tenths[static_cast<std::size_t>(first / (900 * million))];
  }
  for (const int drawn : tenths) CHECK(std::abs(drawn - draws * 9 / 100) < 250);  // six deviations
}

TEST_CASE("where every document is long enough, windows are numbered in the order of the documents") {
  const WindowPlaces places(Sizes{4, 9, 6});
  CHECK(places.at(0, 4) == WindowPlaces::Place{0, 0});
  CHECK(places.at(1, 4) == WindowPlaces::Place{1, 0});
  CHECK(places.at(7, 4) == WindowPlaces::Place{2, 0});
}

TEST_CASE("a window longer than every document is an error that says what there is") {
  Random random(1, 2, 3);
  CHECK_THROWS_WITH(WindowPlaces(Sizes{4, 6}).draw(7, random),
                    Contains("a window of 7 tokens") && Contains("the longest of the 2 training books has 6"));
  CHECK_THROWS_WITH(WindowPlaces(Sizes{}).draw(1, random), Contains("the longest of the 0 training books has 0"));
}

TEST_CASE("what is drawn of few windows depends on the seed alone") {
  const WindowPlaces places(Sizes{100, 300});
  std::vector<WindowPlaces::Place> twice[2];
  for (auto& drawn : twice) {
    Random random(7, 8, 9);
    for (int i = 0; i < 50; ++i) drawn.push_back(places.draw(20, random));
  }
  CHECK(twice[0] == twice[1]);
}
