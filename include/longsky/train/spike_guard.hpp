// longsky/train/spike_guard.hpp — what to do with a step whose loss or gradient is not like the others.
//
//   z = (x - mean) / deviation over the last `window` accepted steps;  z > limit: the update is skipped
//
// Plain numbers and functions that a GPU can run: the verdict falls where the gradient is, before the weights change.
#pragma once

#include <longsky/core/config.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace longsky {

/// What becomes of a step.
enum class Verdict : std::int32_t {
  accepted,
  spike,       ///< the update is skipped
  not_finite,  ///< the loss or the gradient is not a number; the run ends
};

/// The recent past of a run; part of its checkpoint, so that a resumed run decides alike.
class SpikeGuard {
 public:
  static constexpr int window = 32;
  static constexpr double limit = 8.0;  ///< deviations

  /// The last accepted values, oldest first; a list of at most `window`.
  struct Past {
    using value_type = double;
    int count = 0;
    double value[window] = {};

    friend bool operator==(const Past&, const Past&) = default;
    const double* begin() const { return value; }
    const double* end() const { return value + count; }
    LONGSKY_HD void push_back(double x) {
      if (count == window)
        for (int i = 1; i < window; ++i) value[i - 1] = value[i];
      else
        ++count;
      value[count - 1] = x;
    }
    LONGSKY_HD bool is_spike(double x) const {
      if (count < window) return false;
      double mean = 0, square = 0;
      for (const double p : value) mean += p / window;
      for (const double p : value) square += (p - mean) * (p - mean) / window;
      const double deviation = std::sqrt(square), least = 1e-3 * (mean < 0 ? -mean : mean);
      return x - mean > limit * (deviation > least ? deviation : least);
    }
  };

  /// Decides on a step, and remembers it when it is accepted.
  LONGSKY_HD Verdict judge(double loss, double norm) {
    if (!(loss - loss == 0) || !(norm - norm == 0)) return Verdict::not_finite;
    if (losses.is_spike(loss) && norms.is_spike(norm)) {
      ++skipped;
      return Verdict::spike;
    }
    losses.push_back(loss);
    norms.push_back(norm);
    return Verdict::accepted;
  }

  Past losses, norms;
  int skipped = 0;

  static void fields(auto& guard, auto&& field) {
    field("losses", guard.losses);
    field("norms", guard.norms);
    field("skipped", guard.skipped);
  }
};

}  // namespace longsky
