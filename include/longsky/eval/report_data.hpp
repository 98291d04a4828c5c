// longsky/eval/report_data.hpp — what an evaluation found, as plain data, to and from JSON.
#pragma once

#include <longsky/core/finite_math.hpp>

#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace longsky {

/// Counts of tokens, each larger than the one before: what a picture's axis can show.
inline bool rising(const std::vector<int>& tokens) {
  int before = 0;
  for (const int t : tokens)
    if (t <= std::exchange(before, t)) return false;
  return true;
}

/// Needles found, by length of the context and depth of the needle.
struct NeedleGrid {
  std::vector<int> lengths;    ///< tokens
  std::vector<double> depths;  ///< 0 (start) … 1 (end)
  /// [length][depth] fraction of greedy answers that are right, end token included.
  std::vector<std::vector<double>> exact;
  /// [length][depth] fraction whose right answer is likelier than all distractors.
  std::vector<std::vector<double>> ranked;
  int samples = 0;  ///< per cell

  /// Whether &NeedleGrid::exact or &NeedleGrid::ranked has a fraction for each length and depth, and there are some:
  /// not so in a file that was cut or edited.
  bool whole(std::vector<std::vector<double>> NeedleGrid::*cells) const {
    bool all = !lengths.empty() && !depths.empty() && rising(lengths) && (this->*cells).size() == lengths.size();
    for (const auto& column : this->*cells) {
      all = all && column.size() == depths.size();
      for (const double x : column) all = all && x >= 0 && x <= 1;
    }
    return all;
  }

  /// The mean over the cells of lengths above `beyond`; not a number where there is none.
  double mean_exact(int beyond = 0) const {
    double sum = 0;
    int cells = 0;
    for (std::size_t l = 0; l < lengths.size(); ++l)
      if (lengths[l] > beyond)
        for (double x : exact[l]) sum += x, ++cells;
    return cells > 0 ? sum / cells : std::numeric_limits<double>::quiet_NaN();
  }

  static void fields(auto& grid, auto&& field) {
    field("lengths", grid.lengths);
    field("depths", grid.depths);
    field("exact", grid.exact);
    field("ranked", grid.ranked);
    field("samples", grid.samples);
  }
};

/// Mean negative log-likelihood by position in the context.
struct PerplexityCurve {
  std::vector<int> position_end;  ///< tokens, the last position of each bin
  std::vector<double> nll_mean;   ///< nats

  bool whole() const { return !nll_mean.empty() && nll_mean.size() == position_end.size() && rising(position_end); }

  static void fields(auto& curve, auto&& field) {
    field("position_end", curve.position_end);
    field("nll_mean", curve.nll_mean);
  }
};

}  // namespace longsky
