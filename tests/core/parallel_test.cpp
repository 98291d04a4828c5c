// tests/core/parallel_test.cpp — every item once, the same chunks and the same bits for any number of threads.
#include "support/catch.hpp"

#include <longsky/core/parallel.hpp>
#include <longsky/core/signals.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

namespace {

TEST_CASE("parallel_for visits every item exactly once", "[threads]") {
  const int threads = GENERATE(1, 2, 3, 8);
  const std::int64_t items = GENERATE(0, 1, 2, 7, 1000);
  std::vector<int> visits(static_cast<std::size_t>(items), 0);
  longsky::parallel_for(threads, items, [&](std::int64_t i) { ++visits[static_cast<std::size_t>(i)]; });
  CHECK(std::count(visits.begin(), visits.end(), 1) == items);
}

TEST_CASE("parallel_queue visits every item once, and a worker one at a time", "[threads]") {
  const int threads = GENERATE(1, 2, 3, 8);
  const std::int64_t items = GENERATE(0, 1, 2, 7, 1000);
  std::vector<std::atomic<int>> visits(static_cast<std::size_t>(items));
  std::vector<std::atomic<bool>> busy(static_cast<std::size_t>(threads));
  std::atomic<int> shared = 0;
  longsky::parallel_queue(threads, items, [&](std::int64_t i, std::int64_t worker) {
    if (busy.at(static_cast<std::size_t>(worker)).exchange(true)) ++shared;
    ++visits[static_cast<std::size_t>(i)];
    busy[static_cast<std::size_t>(worker)] = false;
  });
  CHECK(std::count(visits.begin(), visits.end(), 1) == items);
  CHECK(shared == 0);
}

TEST_CASE("a stop leaves out the rest of the items in a scope that can be abandoned, and in no other", "[threads]") {
  const int threads = GENERATE(1, 2, 3);
  const longsky::StopSignals signals;
  const auto done = [&](auto&& loop) {
    std::atomic<int> items = 0;
    loop(threads, 1000, [&](std::int64_t, auto...) {
      ++items;
      raise(SIGTERM);
    });
    return items.load();
  };
  const auto whole = [](int n, std::int64_t items, auto body) { longsky::parallel_for(n, items, body); };
  const auto queue = [](int n, std::int64_t items, auto body) { longsky::parallel_queue(n, items, body); };
  {
    const longsky::Abandonable scope;
    CHECK(done(whole) <= threads);  // each thread is at an item at the most when the first stop comes
    CHECK(done(queue) == 0);
    CHECK_THROWS_AS(longsky::heed_stop("testing"), longsky::Error);
    bool elsewhere = true;
    std::thread([&] { elsewhere = longsky::Abandonable::here(); }).join();
    CHECK_FALSE(elsewhere);
  }
  CHECK(done(whole) == 1000);
  CHECK(done(queue) == 1000);
}

TEST_CASE("parallel_chunks cuts at the same places for any number of threads", "[threads]") {
  const std::int64_t n = GENERATE(0, 1, 9, 10, 11, 1003);
  const auto chunks_of = [&](int threads) {
    std::vector<std::pair<std::int64_t, std::int64_t>> chunks(static_cast<std::size_t>((n + 9) / 10), {-1, -1});
    longsky::parallel_chunks(threads, n, 10, [&](std::int64_t first, std::int64_t last, std::int64_t chunk) {
      chunks[static_cast<std::size_t>(chunk)] = {first, last};
    });
    return chunks;
  };
  const auto alone = chunks_of(1);
  std::int64_t expected = 0;
  for (const auto& [first, last] : alone) {
    CHECK(first == expected);
    CHECK(last == std::min(n, first + 10));
    expected = last;
  }
  CHECK(expected == n);
  CHECK(chunks_of(2) == alone);
  CHECK(chunks_of(8) == alone);
}

TEST_CASE("a sum over chunks has the same bits for any number of threads", "[threads]") {
  std::vector<float> values(10'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0f / static_cast<float>(i + 1);
  const auto sum_with = [&](int threads) {
    std::vector<float> partial(values.size() / 64 + 1, 0.0f);
    longsky::parallel_chunks(threads, static_cast<std::int64_t>(values.size()), 64,
                             [&](std::int64_t first, std::int64_t last, std::int64_t chunk) {
                               for (std::int64_t i = first; i < last; ++i)
                                 partial[static_cast<std::size_t>(chunk)] += values[static_cast<std::size_t>(i)];
                             });
    float sum = 0;
    for (float p : partial) sum += p;
    return sum;
  };
  const float alone = sum_with(1);
  CHECK(std::abs(alone - 9.787606f) < 1e-4f);  // the harmonic number H(10000)
  CHECK(sum_with(2) == alone);
  CHECK(sum_with(3) == alone);
  CHECK(sum_with(8) == alone);
}

}  // namespace
