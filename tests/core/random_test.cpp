// tests/core/random_test.cpp — Philox against its published answers, and the laws of what is drawn from it.
#include "support/catch.hpp"

#include <longsky/core/random.hpp>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

using namespace longsky;

// Known answers of the reference implementation (Random123's kat_vectors).
static_assert(philox({0, 0, 0, 0}, {0, 0}) ==
              std::array<std::uint32_t, 4>{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
static_assert(philox({0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu}, {0xffffffffu, 0xffffffffu}) ==
              std::array<std::uint32_t, 4>{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
static_assert(philox({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}) ==
              std::array<std::uint32_t, 4>{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});
static_assert(stream_of("a") != stream_of("b"));

TEST_CASE("equal arguments give equal numbers, each of them matters", "[random]") {
  const auto first = [](std::uint64_t seed, std::uint32_t stream, std::uint64_t index) {
    Random r(seed, stream, index);
    std::vector<std::uint32_t> bits(9);
    for (auto& b : bits) b = r.bits();
    return bits;
  };
  const auto base = first(1, 2, 3);
  CHECK(base == first(1, 2, 3));
  CHECK(base != first(2, 2, 3));
  CHECK(base != first(1, 3, 3));
  CHECK(base != first(1, 2, 4));
  CHECK(base != first(1, 2, 3 + (std::uint64_t{1} << 32)));
  CHECK(base != first(1 + (std::uint64_t{1} << 32), 2, 3));
}

TEST_CASE("draws stay in their range and fill it evenly", "[random]") {
  Random r(7, 0, 0);
  std::vector<int> counts(5);
  for (int i = 0; i < 50'000; ++i) ++counts[r.below(5)];
  for (int c : counts) CHECK(std::abs(c - 10'000) < 400);  // 4.5 deviations
  std::set<int> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(r.between(-1, 2));
  CHECK(seen == std::set<int>{-1, 0, 1, 2});
  double sum = 0, squares = 0;
  for (int i = 0; i < 100'000; ++i) {
    const float u = r.uniform();
    REQUIRE((u >= 0 && u < 1));
    const double n = r.normal();
    sum += n, squares += n * n;
  }
  CHECK(std::abs(sum / 1e5) < 0.015);
  CHECK(std::abs(squares / 1e5 - 1) < 0.02);
}

TEST_CASE("draws beyond 32 bits stay in their range and fill it evenly, and below are those of 32 bits", "[random]") {
  Random r(7, 0, 0), same(7, 0, 0);
  for (int i = 0; i < 100; ++i) CHECK(r.below64(1000) == same.below(1000));
  constexpr std::uint64_t n =
      (std::uint64_t{5} << 32) + 5;  // as many bits as 8 << 32, of which three eighths are too much
  std::vector<int> fifths(6);
  for (int i = 0; i < 50'000; ++i) {
    const std::uint64_t drawn = r.below64(n);
    REQUIRE(drawn < n);
    ++fifths[static_cast<std::size_t>(drawn >> 32)];
  }
  for (int i = 0; i < 5; ++i) CHECK(std::abs(fifths[static_cast<std::size_t>(i)] - 10'000) < 400);  // 4.5 deviations
  std::set<std::uint64_t> high;
  for (int i = 0; i < 100; ++i) high.insert(r.below64(~std::uint64_t{0}) >> 60);
  CHECK(high.size() > 10);
  CHECK(r.below64((std::uint64_t{1} << 32) + 1) <= std::uint64_t{1} << 32);
}

TEST_CASE("a shuffle is a permutation, and not always the same", "[random]") {
  std::vector<int> a(50), b(50);
  std::iota(a.begin(), a.end(), 0);
  b = a;
  Random(1, 1, 1).shuffle(a);
  Random(1, 1, 2).shuffle(b);
  CHECK(a != b);
  std::sort(a.begin(), a.end());
  for (int i = 0; i < 50; ++i) CHECK(a[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("skipping draws is drawing and forgetting them", "[random]") {
  const int before = GENERATE(0, 1, 4, 6), skipped = GENERATE(0, 1, 3, 4, 1001);
  Random drawn(5, 2, 9), jumped(5, 2, 9);
  for (int i = 0; i < before; ++i) drawn.bits(), jumped.bits();
  for (int i = 0; i < skipped; ++i) drawn.bits();
  jumped.skip(static_cast<std::uint64_t>(skipped));
  for (int i = 0; i < 9; ++i) CHECK(jumped.bits() == drawn.bits());
}
