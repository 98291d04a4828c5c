// train/spike_guard_test.cpp — what counts as a spike, what is remembered, and that no NaN gets by.
#include "support/catch.hpp"

#include <longsky/train/spike_guard.hpp>

#include <limits>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

/// A guard that has seen `steps` calm steps: losses around 2, norms around 1.
SpikeGuard calm(int steps) {
  SpikeGuard guard;
  for (int i = 0; i < steps; ++i) guard.accepts(2 + 0.01 * (i % 5), 1 + 0.02 * (i % 3), i + 1, "pretrain");
  return guard;
}

}  // namespace

TEST_CASE("nothing is a spike before the window is full") {
  SpikeGuard guard = calm(SpikeGuard::window - 1);
  CHECK(guard.accepts(1e6, 1e6, 32, "pretrain"));
  CHECK(guard.skipped == 0);
}

TEST_CASE("a step is a spike when both its loss and its norm are") {
  const SpikeGuard past = calm(SpikeGuard::window);
  SpikeGuard both = past, loss_alone = past, norm_alone = past;
  CHECK(!both.accepts(50, 50, 33, "pretrain"));
  CHECK(loss_alone.accepts(50, 1, 33, "pretrain"));  // a hard batch
  CHECK(norm_alone.accepts(2, 50, 33, "pretrain"));  // clipped anyway
  CHECK(both.skipped == 1);
  CHECK(loss_alone.skipped + norm_alone.skipped == 0);
}

TEST_CASE("a fall is no spike, nor is a little more than nothing on a flat curve") {
  SpikeGuard guard;
  for (int i = 0; i < SpikeGuard::window; ++i) guard.accepts(2, 1, i + 1, "pretrain");
  CHECK(guard.accepts(0.1, 0.1, 33, "pretrain"));
  SpikeGuard flat;
  for (int i = 0; i < SpikeGuard::window; ++i) flat.accepts(2, 1, i + 1, "pretrain");
  CHECK(flat.accepts(2.01, 1.005, 33, "pretrain"));  // 8 deviations of zero would be zero
  CHECK(!flat.accepts(2.1, 1.1, 34, "pretrain"));
}

TEST_CASE("a spike is not remembered, and the window slides") {
  SpikeGuard guard = calm(SpikeGuard::window);
  const auto losses = guard.losses;
  guard.accepts(50, 50, 33, "pretrain");
  CHECK(guard.losses == losses);
  CHECK(!guard.accepts(50, 50, 34, "pretrain"));  // a second one is still one
  CHECK(guard.skipped == 2);
  guard.accepts(2.05, 1.05, 35, "pretrain");
  CHECK(guard.losses.size() == SpikeGuard::window);
  CHECK(guard.losses.front() == losses[1]);
  CHECK(guard.losses.back() == 2.05);
}

TEST_CASE("a loss or norm that is not finite is never let by") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (const auto& [loss, norm] :
       {std::pair(nan, 1.0), std::pair(2.0, nan), std::pair(infinity, 1.0), std::pair(2.0, -infinity)}) {
    SpikeGuard guard = calm(3);
    try {
      guard.accepts(loss, norm, 4, "pretrain");
      FAIL("accepted");
    } catch (const Error& e) {
      CHECK(e.code() == ExitCode::diverged);
      CHECK_THAT(e.what(), Contains("step 4 of stage pretrain") && Contains("the weights were left as they were") &&
                               Contains("--lr-scale"));
    }
    CHECK(guard.losses.size() == 3);
  }
}
