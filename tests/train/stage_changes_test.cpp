// train/stage_changes_test.cpp — a sweep's steps and learning rates: the peak is reached, and what no number can hold
// is refused with the range.
#include "support/catch.hpp"

#include <longsky/optim/schedule.hpp>
#include <longsky/train/stage_changes.hpp>

#include <algorithm>
#include <limits>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

constexpr StageSpec stage{.name = "pretrain", .context = 256, .steps = 500, .lr = 1.5e-3, .warmup = 20};

StageSpec scaled(double scale, double lr_scale = 1, StageSpec spec = stage) {
  return changed(spec, {.steps = scaled_steps(spec, scale), .lr_scale = lr_scale});
}

}  // namespace

TEST_CASE("at scale 1 a stage is as its spec says") {
  const StageSpec same = scaled(1);
  CHECK(same.steps == stage.steps);
  CHECK(same.warmup == stage.warmup);
  CHECK(same.lr == stage.lr);
  CHECK(changed(stage, {}).steps == stage.steps);
}

TEST_CASE("the warm-up has the same share of the steps at every scale, and the peak is reached") {
  CHECK(scaled(0.1).warmup == 2);
  CHECK(scaled(2).warmup == 40);
  CHECK(scaled(3, 0.5).lr == 0.75e-3);
  for (const int warmup : {0, 1, 20, 499, 500})
    for (const double scale : {1e-9, 0.001, 0.002, 0.003, 0.01, 0.039, 0.5, 1.0, 1.7, 20.0}) {
      StageSpec spec = stage;
      spec.warmup = warmup;
      spec = scaled(scale, 1, spec);
      REQUIRE(spec.steps >= 1);
      REQUIRE(spec.warmup >= 0);
      const ScheduleSpec schedule{.steps = spec.steps, .warmup = spec.warmup, .floor = spec.floor};
      double highest = 0;
      for (int step = 0; step < spec.steps; ++step) highest = std::max(highest, Constant::factor(step, schedule));
      INFO("warm-up " << warmup << ", scale " << scale);
      CHECK(highest == 1);
    }
}

TEST_CASE("a scale that gives no number of steps is refused with its range") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const double scale : {0.0, -0.0, -1.0, nan, inf, -inf, 1e300, 1e9, 4294968.0, -1e-300}) {
    INFO(scale);
    try {
      scaled_steps(stage, scale);
      FAIL("it was taken");
    } catch (const Error& e) {
      CHECK(e.code() == ExitCode::usage);
      CHECK_THAT(e.what(), Contains("--scale is") && Contains("positive number up to 4294967") &&
                               Contains("500 steps of stage pretrain"));
    }
  }
  CHECK(scaled_steps(stage, 4294967) == 2147483500);
  CHECK(scaled(4294967).warmup == 85899340);
  CHECK(scaled_steps(stage, 5e-324) == 1);
  CHECK_THROWS_WITH(changed(stage, {.steps = -3}), Contains("-3 steps") && Contains("stage pretrain"));
}

TEST_CASE("a learning rate that no float can hold is refused with the range of its scale") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const double scale : {0.0, -1.0, nan, inf, 1e300, 1e-300, 5e-324, 3e41, 1e-36}) {
    INFO(scale);
    try {
      scaled(1, scale);
      FAIL("it was taken");
    } catch (const Error& e) {
      CHECK(e.code() == ExitCode::usage);
      CHECK_THAT(e.what(), Contains("--lr-scale is") && Contains("positive") && Contains("7.8e-36 to 2.3e+41") &&
                               Contains("stage pretrain, 0.0015"));
    }
  }
  CHECK(scaled(1, 2e41).lr == Approx(3e38));
}
