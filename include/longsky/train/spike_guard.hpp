// longsky/train/spike_guard.hpp — what to do with a step whose loss and gradient are not like those before.
//
//   of the last `window` trained steps, sorted:  high = fourth largest, low = fourth smallest
//   x > median + limit * (high - low) / 2,  of the loss and of the gradient's norm: the update is skipped
//
// A skipped step is remembered like any other: three strange steps of a window move neither bound, a fourth like them
// is a level. So what stays, after a curriculum or a change of data, is skipped `outliers` + 1 times and then the norm.
// Plain numbers and functions that a GPU can run: the verdict falls where the gradient is, before the weights change.
#pragma once

#include <longsky/core/config.hpp>

#include <cstdint>

namespace longsky {

/// What becomes of a step.
enum class Verdict : std::int32_t {
  accepted,
  spike,            ///< the update is skipped
  nothing_trained,  ///< no token had a loss: there is nothing to learn, nothing to judge and nothing to remember
  not_finite,       ///< the loss or the gradient is not a number; the run ends, and nothing is remembered
};

/// The recent past of a run; part of its checkpoint, so that a resumed run decides alike.
class SpikeGuard {
 public:
  static constexpr int window = 32;
  static constexpr int outliers = 3;        ///< of a window, that change no bound
  static constexpr double limit = 8.0;      ///< half spreads above the median
  static constexpr double least = 1e-3;     ///< of the median: the least half spread
  static constexpr int most_in_a_row = 32;  ///< skipped steps; then the run ends, for it settles at no level

  /// The last values of trained steps, oldest first; a list of at most `window`.
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

    /// Never before the window is full. Values of at least l stay at most `outliers` + 1 times a spike if none is
    /// farther above the median than 4 (l - low): after so many of them high is at least l.
    LONGSKY_HD bool is_spike(double x) const {
      if (count < window) return false;
      int as_high = 0;
      for (const double p : value) as_high += p >= x;
      if (as_high > outliers) return false;  // below high; nearly every step ends here
      double sorted[window];
      for (int i = 0; i < window; ++i) {
        int at = i;
        for (; at > 0 && sorted[at - 1] > value[i]; --at) sorted[at] = sorted[at - 1];
        sorted[at] = value[i];
      }
      const double median = (sorted[window / 2 - 1] + sorted[window / 2]) / 2;
      const double spread = (sorted[window - 1 - outliers] - sorted[outliers]) / 2;
      const double smallest = least * (median < 0 ? -median : median);
      return x - median > limit * (spread > smallest ? spread : smallest);
    }
  };

  /// Decides on a step of `trained` tokens with a loss, and remembers it where there is something to remember.
  LONGSKY_HD Verdict judge(std::int64_t trained, double loss, double norm) {
    if (!(loss - loss == 0) || !(norm - norm == 0)) return Verdict::not_finite;
    if (trained == 0) return Verdict::nothing_trained;
    const bool spike = losses.is_spike(loss) && norms.is_spike(norm);
    losses.push_back(loss);
    norms.push_back(norm);
    in_a_row = spike ? in_a_row + 1 : 0;
    skipped += spike;
    return spike ? Verdict::spike : Verdict::accepted;
  }

  Past losses, norms;
  std::int64_t skipped = 0;  ///< of all steps
  int in_a_row = 0;          ///< the last ones, that were skipped

  static void fields(auto& guard, auto&& field) {
    field("losses", guard.losses);
    field("norms", guard.norms);
    field("skipped", guard.skipped);
    field("in_a_row", guard.in_a_row);
  }
};

}  // namespace longsky
