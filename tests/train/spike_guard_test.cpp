// train/spike_guard_test.cpp — what counts as a spike, what is remembered, and that no NaN gets by.
#include "support/catch.hpp"

#include <longsky/train/spike_guard.hpp>

#include <limits>
#include <type_traits>
#include <utility>

using namespace longsky;

namespace {

/// A guard that has seen `steps` calm steps: losses around 2, norms around 1.
SpikeGuard calm(int steps) {
  SpikeGuard guard;
  for (int i = 0; i < steps; ++i) guard.judge(2 + 0.01 * (i % 5), 1 + 0.02 * (i % 3));
  return guard;
}

static_assert(std::is_trivially_copyable_v<SpikeGuard>);  // it travels to the device and back

}  // namespace

TEST_CASE("nothing is a spike before the window is full") {
  SpikeGuard guard = calm(SpikeGuard::window - 1);
  CHECK(guard.judge(1e6, 1e6) == Verdict::accepted);
  CHECK(guard.skipped == 0);
}

TEST_CASE("a step is a spike when both its loss and its norm are") {
  const SpikeGuard past = calm(SpikeGuard::window);
  SpikeGuard both = past, loss_alone = past, norm_alone = past;
  CHECK(both.judge(50, 50) == Verdict::spike);
  CHECK(loss_alone.judge(50, 1) == Verdict::accepted);  // a hard batch
  CHECK(norm_alone.judge(2, 50) == Verdict::accepted);  // clipped anyway
  CHECK(both.skipped == 1);
  CHECK(loss_alone.skipped + norm_alone.skipped == 0);
}

TEST_CASE("a fall is no spike, nor is a little more than nothing on a flat curve") {
  SpikeGuard guard;
  for (int i = 0; i < SpikeGuard::window; ++i) guard.judge(2, 1);
  CHECK(guard.judge(0.1, 0.1) == Verdict::accepted);
  SpikeGuard flat;
  for (int i = 0; i < SpikeGuard::window; ++i) flat.judge(2, 1);
  CHECK(flat.judge(2.01, 1.005) == Verdict::accepted);  // 8 deviations of zero would be zero
  CHECK(flat.judge(2.1, 1.1) == Verdict::spike);
}

TEST_CASE("a spike is not remembered, and the window slides") {
  SpikeGuard guard = calm(SpikeGuard::window);
  const auto losses = guard.losses;
  guard.judge(50, 50);
  CHECK(guard.losses == losses);
  CHECK(guard.judge(50, 50) == Verdict::spike);  // a second one is still one
  CHECK(guard.skipped == 2);
  guard.judge(2.05, 1.05);
  CHECK(guard.losses.count == SpikeGuard::window);
  CHECK(guard.losses.value[0] == losses.value[1]);
  CHECK(guard.losses.value[SpikeGuard::window - 1] == 2.05);
}

TEST_CASE("a loss or norm that is not finite is never let by, nor remembered") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (const auto& [loss, norm] :
       {std::pair(nan, 1.0), std::pair(2.0, nan), std::pair(infinity, 1.0), std::pair(2.0, -infinity)}) {
    SpikeGuard guard = calm(3);
    CHECK(guard.judge(loss, norm) == Verdict::not_finite);
    CHECK(guard.losses.count == 3);
    CHECK(guard.skipped == 0);
  }
}
