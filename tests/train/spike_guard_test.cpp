// train/spike_guard_test.cpp — what counts as a spike, what is remembered, how soon a level is learned, and that no NaN
// gets by.
#include "support/catch.hpp"

#include <longsky/core/json.hpp>
#include <longsky/core/random.hpp>
#include <longsky/train/spike_guard.hpp>

#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

using namespace longsky;

namespace {

constexpr int learned_after = SpikeGuard::outliers + 1;  // skipped steps

/// A guard that has seen `steps` calm steps: losses around 2, norms around 1.
SpikeGuard calm(int steps) {
  SpikeGuard guard;
  for (int i = 0; i < steps; ++i) guard.judge(1, 2 + 0.01 * (i % 5), 1 + 0.02 * (i % 3));
  return guard;
}

/// Noise of scale 1 around 0.
using Noise = double (*)(Random&);
constexpr std::pair<const char*, Noise> noises[] = {
    {"uniform", [](Random& r) -> double { return r.uniform(-1, 1); }},
    {"normal", [](Random& r) -> double { return r.normal(); }},
    {"Laplace", [](Random& r) -> double { return (r.chance(0.5f) ? -1 : 1) * std::log(1.0 - r.uniform()); }},
    {"Student's t, 3",
     [](Random& r) -> double {
       const double a = r.normal(), b = r.normal(), c = r.normal();
       return r.normal() / std::sqrt((a * a + b * b + c * c) / 3);
     }},
    {"log-normal", [](Random& r) -> double { return std::exp(double{r.normal()}) - 1; }}};

/// The next step of a run at a level: how its loss and norm lie there, with noise of a twentieth and a tenth.
Verdict step(SpikeGuard& guard, Random& random, Noise noise, double level = 1, bool alike = false) {
  const double x = noise(random), y = alike ? x : noise(random);
  return guard.judge(1, 3 * level * (1 + 0.02 * x), level * (1 + 0.1 * y));
}

static_assert(std::is_trivially_copyable_v<SpikeGuard>);  // it travels to the device and back

}  // namespace

TEST_CASE("nothing is a spike before the window is full") {
  SpikeGuard guard = calm(SpikeGuard::window - 1);
  CHECK(guard.judge(1, 1e6, 1e6) == Verdict::accepted);
  CHECK(guard.skipped == 0);
}

TEST_CASE("a step is a spike when both its loss and its norm are") {
  const SpikeGuard past = calm(SpikeGuard::window);
  SpikeGuard both = past, loss_alone = past, norm_alone = past;
  CHECK(both.judge(1, 50, 50) == Verdict::spike);
  CHECK(loss_alone.judge(1, 50, 1) == Verdict::accepted);  // a hard batch
  CHECK(norm_alone.judge(1, 2, 50) == Verdict::accepted);  // clipped anyway
  CHECK(both.skipped == 1);
  CHECK(loss_alone.skipped + norm_alone.skipped == 0);
}

TEST_CASE("a hard batch hides no spike after it") {
  SpikeGuard guard = calm(SpikeGuard::window);
  CHECK(guard.judge(1, 500, 1) == Verdict::accepted);
  CHECK(guard.judge(1, 2, 500) == Verdict::accepted);
  CHECK(guard.judge(1, 50, 50) == Verdict::spike);
}

TEST_CASE("a fall is no spike, nor is a little more than nothing on a flat curve") {
  SpikeGuard guard;
  for (int i = 0; i < SpikeGuard::window; ++i) guard.judge(1, 2, 1);
  CHECK(guard.judge(1, 0.1, 0.1) == Verdict::accepted);
  SpikeGuard flat;
  for (int i = 0; i < SpikeGuard::window; ++i) flat.judge(1, 2, 1);
  CHECK(flat.judge(1, 2.01, 1.005) == Verdict::accepted);  // 8 spreads of zero would be zero
  CHECK(flat.judge(1, 2.1, 1.1) == Verdict::spike);
}

TEST_CASE("every trained step is remembered, and the window slides") {
  SpikeGuard guard = calm(SpikeGuard::window);
  const auto losses = guard.losses;
  CHECK(guard.judge(1, 50, 50) == Verdict::spike);
  CHECK(guard.losses.count == SpikeGuard::window);
  CHECK(guard.losses.value[0] == losses.value[1]);
  CHECK(guard.losses.value[SpikeGuard::window - 1] == 50);
  CHECK(guard.judge(1, 50, 50) == Verdict::spike);  // a second one is still one
  CHECK(guard.skipped == 2);
  CHECK(guard.in_a_row == 2);
  CHECK(guard.judge(1, 2.05, 1.05) == Verdict::accepted);
  CHECK(guard.in_a_row == 0);
  CHECK(guard.skipped == 2);
}

TEST_CASE("a step that trained nothing is neither judged nor remembered") {
  SpikeGuard guard = calm(SpikeGuard::window), same = guard;
  for (int i = 0; i < 100; ++i) CHECK(guard.judge(0, 0, 0) == Verdict::nothing_trained);
  CHECK(guard.losses == same.losses);
  CHECK(guard.norms == same.norms);
  CHECK(guard.judge(1, 2.05, 1.05) == Verdict::accepted);
}

TEST_CASE("a loss or norm that is not finite is never let by, nor remembered") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (const auto& [loss, norm] :
       {std::pair(nan, 1.0), std::pair(2.0, nan), std::pair(infinity, 1.0), std::pair(2.0, -infinity)}) {
    SpikeGuard guard = calm(3);
    CHECK(guard.judge(1, loss, norm) == Verdict::not_finite);
    CHECK(guard.judge(0, loss, norm) == Verdict::not_finite);
    CHECK(guard.losses.count == 3);
    CHECK(guard.skipped == 0);
  }
}

TEST_CASE("a level that stays is learned after four skipped steps, whatever lies before it and however high it is") {
  for (std::uint64_t series = 0; series < 2000; ++series) {
    Random random(series, stream_of("level"), 0);
    const auto& [name, before] = noises[series % std::size(noises)];
    SpikeGuard guard;
    for (int i = 0; i < 100; ++i) step(guard, random, before);
    guard.skipped = 0;
    // The docstring's bound: whatever the noise, the farthest value is at most four times as far as the nearest.
    const double level = std::exp2(random.uniform(1, 30));
    int most = 0;
    for (int i = 0; i < SpikeGuard::window - learned_after; ++i) {
      const double x = 6 * level * random.uniform(1, 3.9f), y = 2 * level * random.uniform(1, 3.9f);
      guard.judge(1, x, y);
      most = std::max(most, guard.in_a_row);
    }
    INFO("after " << name << " noise, series " << series);
    REQUIRE(guard.skipped <= learned_after);
    REQUIRE(most <= learned_after);
  }
}

TEST_CASE("a level with heavy tails of its own is learned too, and no lasting level ends a run") {
  for (std::uint64_t series = 0; series < 500; ++series) {
    Random random(series, stream_of("change"), 0);
    SpikeGuard guard;
    const Noise noise = noises[series % std::size(noises)].second;
    int most = 0;
    double level = 1;
    for (int i = 0; i < 400; ++i) {
      if (i % 100 == 99) level *= std::exp2(random.uniform(-8, 12));  // down, up, and a long way up
      step(guard, random, noise, level, /*alike=*/true);
      most = std::max(most, guard.in_a_row);
    }
    INFO(noises[series % std::size(noises)].first << " noise, series " << series);
    REQUIRE(most <= 2 * learned_after);
    REQUIRE(most < SpikeGuard::most_in_a_row);
  }
}

TEST_CASE("a single spike is skipped, and hardly a step of the noise around it, also where that has heavy tails") {
  for (const auto& [name, noise] : noises) {
    int strange = 0, steps = 0;
    for (std::uint64_t series = 0; series < 200; ++series) {
      Random random(series, stream_of("spike"), 0);
      SpikeGuard guard;
      for (int i = 0; i < SpikeGuard::window; ++i) step(guard, random, noise, 1, /*alike=*/true);
      for (int i = 0; i < 300; ++i, ++steps) {
        if (i % 75 == 60) {
          INFO(name << " noise, series " << series << ", step " << i);
          REQUIRE(guard.judge(1, 3 * (1 + 0.02 * 100), 1 + 0.1 * 100) == Verdict::spike);
          continue;
        }
        // Loss and norm with one noise are the worst case: two that know nothing of each other are never both far out.
        strange += step(guard, random, noise, 1, /*alike=*/true) == Verdict::spike;
      }
    }
    INFO(name << ": " << strange << " of " << steps);
    CHECK(strange <= steps / 100);
  }
}

TEST_CASE("what settles at no level is skipped until the run has had enough") {
  SpikeGuard guard = calm(SpikeGuard::window);
  double x = 10;
  while (guard.in_a_row < SpikeGuard::most_in_a_row) {
    REQUIRE(guard.judge(1, x, x) == Verdict::spike);
    x *= 2;
  }
  CHECK(guard.skipped == SpikeGuard::most_in_a_row);
}

TEST_CASE("a guard that was written and read decides alike, to the bit") {
  Random random(3, stream_of("restart"), 0);
  SpikeGuard whole, parts;
  for (int i = 0; i < 300; ++i) {
    const double level = i % 40 == 39 ? 50 : i < 150 ? 1 : 20;
    const double loss = level * (3 + 0.1 * random.normal()), norm = level * (1 + 0.1 * random.normal());
    const std::int64_t trained = i % 7 == 0 ? 0 : 64;
    CHECK(parts.judge(trained, loss, norm) == whole.judge(trained, loss, norm));
    parts = Json::parse(Json(parts).text()).get<SpikeGuard>();
    REQUIRE(parts.losses == whole.losses);
    REQUIRE(parts.norms == whole.norms);
    REQUIRE(parts.skipped == whole.skipped);
    REQUIRE(parts.in_a_row == whole.in_a_row);
  }
  CHECK(whole.skipped >= 5);
}
