// longsky/optim/schedule.hpp — the learning rate of step s of S, as a fraction of its peak.
//
// All three warm up alike: (s + 1) / warmup until it reaches 1.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <numbers>

namespace longsky {

/// The numbers a schedule reads.
struct ScheduleSpec {
  int steps = 0;       ///< S
  int warmup = 0;      ///< steps
  double floor = 0.1;  ///< the fraction at the end
};

namespace schedule {
inline double warmup(int step, const ScheduleSpec& s) {
  return s.warmup > 0 ? std::min(1.0, (step + 1.0) / s.warmup) : 1.0;
}
}  // namespace schedule

/// Half a cosine from 1 to `floor` over all steps.
struct Cosine {
  static double factor(int step, const ScheduleSpec& s) {
    const double wave = 0.5 * (1 + std::cos(std::numbers::pi * step / std::max(1, s.steps)));
    return schedule::warmup(step, s) * (s.floor + (1 - s.floor) * wave);
  }
};

/// 1 until the last `DecayPercent` % of the steps, then a straight line to `floor` (warm-up-stable-decay).
template <int DecayPercent = 20>
struct StableDecay {
  static_assert(DecayPercent > 0 && DecayPercent <= 100, "longsky: the decay is a percentage of the steps, 1 to 100");
  static double factor(int step, const ScheduleSpec& s) {
    const double decay = std::max(1.0, s.steps * DecayPercent / 100.0);
    const double left = std::clamp((s.steps - step) / decay, 0.0, 1.0);
    return schedule::warmup(step, s) * (s.floor + (1 - s.floor) * left);
  }
};

/// 1 throughout.
struct Constant {
  static double factor(int step, const ScheduleSpec& s) { return schedule::warmup(step, s); }
};

/// What a schedule must have.
template <class T>
concept Schedule = requires(int step, const ScheduleSpec& s) {
  { T::factor(step, s) } -> std::convertible_to<double>;
};

}  // namespace longsky
