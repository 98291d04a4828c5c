// longsky/train/stage_changes.hpp — what may be swept without a rebuild: a stage's steps, learning rate and positions.
//
//   steps = round(spec.steps * scale),  warm-up = round(spec.warmup * steps / spec.steps),  peak = spec.lr * lr_scale
//
// The warm-up keeps its share of the steps: one that did not would outlast a short sweep, which then never sees the
// peak.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/number_text.hpp>
#include <longsky/spec/position.hpp>
#include <longsky/train/recipe.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

namespace longsky {

struct StageChanges {
  int steps = 0;  ///< 0: the spec's
  double lr_scale = 1;
  std::optional<RopeSpec> position = {};  ///< instead of the stage's own
};

/// `scale` times the steps of `spec`, at least 1. Throws Error(usage) with the range for what no int can hold.
[[gnu::cold]] inline int scaled_steps(const StageSpec& spec, double scale) {
  constexpr int most = std::numeric_limits<int>::max();
  const double steps = std::round(spec.steps * scale);
  if (!(scale > 0 && steps <= most))
    throw Error(ExitCode::usage, "--scale is " + shortest_text(scale) + "; expected a positive number up to " +
                                     std::to_string(most / spec.steps) + ": it multiplies the " +
                                     std::to_string(spec.steps) + " steps of stage " + spec.name +
                                     ", and a stage has at most " + std::to_string(most));
  return std::max(1, static_cast<int>(steps));
}

/// The stage as it is trained. Throws Error(usage) for steps below 0, and for a learning rate that is no positive
/// normal float.
[[gnu::cold]] inline StageSpec changed(StageSpec spec, const StageChanges& changes) {
  constexpr auto least = static_cast<double>(std::numeric_limits<float>::min());
  constexpr auto most = static_cast<double>(std::numeric_limits<float>::max());
  if (changes.steps < 0)
    throw Error(ExitCode::usage, "stage " + std::string(spec.name) + " was given " + std::to_string(changes.steps) +
                                     " steps; expected a positive number, or 0 for those of its spec");
  const double lr = spec.lr * changes.lr_scale;
  if (!(lr >= least && lr <= most))
    throw Error(ExitCode::usage, "--lr-scale is " + shortest_text(changes.lr_scale) + "; expected a positive number, " +
                                     general_text(least / spec.lr, 2) + " to " + general_text(most / spec.lr, 2) +
                                     ": it multiplies the learning rate of stage " + spec.name + ", " +
                                     shortest_text(spec.lr) + ", and the product is a 32-bit number");
  spec.lr = lr;
  if (changes.steps > 0 && changes.steps != spec.steps) {
    const double share = static_cast<double>(changes.steps) / spec.steps;
    spec.warmup = std::min(changes.steps, static_cast<int>(std::round(spec.warmup * share)));
    spec.steps = changes.steps;
  }
  return spec;
}

}  // namespace longsky
