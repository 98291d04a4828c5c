// The prefetch thread: the same batches as without it, its errors handed over, and it stops when told.
#include "data/toy_corpus.hpp"
#include "support/catch.hpp"

#include <longsky/data/prefetch.hpp>
#include <longsky/data/short_instructions.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

using namespace longsky;
using namespace longsky::test;

TEST_CASE("batches come in order and are the same as without a thread", "[threads]") {
  const ShortInstructions<> data(toy_corpus());
  const auto make = [&](Batch& batch, std::int64_t step) {
    fill_batch<ShortInstructions<>, ResponseOnly, WithinDocument<>>(batch, data, 1, 2,
                                                                    static_cast<std::uint64_t>(2 * step), 0);
  };
  Prefetch prefetch(2, 256, 5, make);
  Batch expected(2, 256);
  for (std::int64_t step = 5; step < 40; ++step) {
    const Batch& got = prefetch.take();
    make(expected, step);
    CHECK(got.tokens == expected.tokens);
    CHECK(got.targets == expected.targets);
    CHECK(got.trained == expected.trained);
  }
}

TEST_CASE("a batch stays as it is until the next one is taken, and the thread is one ahead", "[threads]") {
  std::atomic<std::int64_t> made = -1;
  Prefetch prefetch(1, 4, 0, [&](Batch& batch, std::int64_t step) {
    std::fill(batch.tokens.begin(), batch.tokens.end(), static_cast<std::int32_t>(step));
    made = step;
  });
  for (std::int64_t step = 0; step < 50; ++step) {
    const Batch& batch = prefetch.take();
    while (made < step + 1) std::this_thread::yield();
    CHECK(made == step + 1);
    CHECK(batch.tokens == std::vector<std::int32_t>(4, static_cast<std::int32_t>(step)));
  }
}

TEST_CASE("what goes wrong in the thread comes out at its step", "[threads]") {
  Prefetch prefetch(1, 4, 0, [](Batch&, std::int64_t step) {
    if (step == 2) throw std::runtime_error("the third batch cannot be made");
  });
  prefetch.take();
  prefetch.take();
  CHECK_THROWS_WITH(prefetch.take(), "the third batch cannot be made");
  CHECK_THROWS_WITH(prefetch.take(), "the third batch cannot be made");
}

TEST_CASE("a prefetch that nobody takes from ends with its scope", "[threads]") {
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> made = 0;
    {
      Prefetch prefetch(1, 4, 0, [&](Batch&, std::int64_t) { ++made; });
      if (round % 2 == 0) prefetch.take();
    }
    CHECK(made <= 3);
  }
}
