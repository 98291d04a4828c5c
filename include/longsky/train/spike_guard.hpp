// longsky/train/spike_guard.hpp — what to do with a step whose loss or gradient is not like the others.
//
//   z = (x - mean) / deviation over the last `window` accepted steps;  z > limit: the update is skipped
//
// A loss or norm that is not a number ends the run (exit code 5) before it can touch the weights.
#pragma once

#include <longsky/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace longsky {

/// The recent past of a run; part of its checkpoint, so that a resumed run decides alike.
class SpikeGuard {
 public:
  static constexpr int window = 32;
  static constexpr double limit = 8.0;  ///< deviations

  SpikeGuard() {
    losses.reserve(window);
    norms.reserve(window);
  }

  /// True when this step's update is to be applied. Throws Error(diverged) for a loss or norm that is not finite.
  bool accepts(double loss, double norm, int step, std::string_view stage) {
    if (!std::isfinite(loss) || !std::isfinite(norm))
      throw Error(ExitCode::diverged, "longsky: the loss or the gradient is not a finite number at step " +
                                          std::to_string(step) + " of stage " + std::string(stage) + " (loss " +
                                          std::to_string(loss) + ", gradient norm " + std::to_string(norm) +
                                          "); the weights were left as they were before this step. The same command "
                                          "would come here again: start with a smaller --lr-scale and another --out");
    const bool spike = is_spike(losses, loss) && is_spike(norms, norm);
    if (spike) {
      ++skipped;
    } else {
      remember(losses, loss);
      remember(norms, norm);
    }
    return !spike;
  }

  std::vector<double> losses, norms;
  int skipped = 0;

 private:
  static bool is_spike(const std::vector<double>& past, double x) {
    if (static_cast<int>(past.size()) < window) return false;
    double mean = 0, square = 0;
    for (double p : past) mean += p / window;
    for (double p : past) square += (p - mean) * (p - mean) / window;
    return x - mean > limit * std::max(std::sqrt(square), 1e-3 * std::abs(mean));
  }
  static void remember(std::vector<double>& past, double x) {
    if (static_cast<int>(past.size()) == window) past.erase(past.begin());
    past.push_back(x);
  }
};

}  // namespace longsky
