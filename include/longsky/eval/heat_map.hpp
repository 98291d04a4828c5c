// longsky/eval/heat_map.hpp — a needle grid in a terminal: a coloured block a cell, or plain digits.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/number_text.hpp>
#include <longsky/core/printable.hpp>
#include <longsky/eval/axis.hpp>
#include <longsky/eval/colour.hpp>
#include <longsky/eval/report_data.hpp>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace longsky {

/// A grid's cells, [length][depth]: &NeedleGrid::exact or &NeedleGrid::ranked.
using NeedleCells = std::vector<std::vector<double>> NeedleGrid::*;

/// Throws Error where a cell is missing.
inline void require_whole(const NeedleGrid& grid, NeedleCells cells) {
  if (!grid.whole(cells))
    throw Error(ExitCode::corrupt, "a needle grid of " + std::to_string(grid.lengths.size()) + " lengths and " +
                                       std::to_string(grid.depths.size()) + " depths lacks cells; evaluate again");
}

/// The mean over all cells.
inline double mean_of_cells(const NeedleGrid& grid, NeedleCells cells) {
  double sum = 0;
  for (const auto& column : grid.*cells)
    for (const double cell : column) sum += cell;
  return sum / static_cast<double>(grid.lengths.size() * grid.depths.size());
}

/// The nearest of the 216 colours that every terminal with 256 has.
inline int terminal_colour(Colour c) {
  int code = 16;
  for (int i = 0, weight = 36; i < 3; ++i, weight /= 6) {
    constexpr int levels[] = {0, 95, 135, 175, 215, 255};
    int best = 0;
    for (int k = 1; k < 6; ++k)
      if (std::abs(levels[k] - c.channel(i)) < std::abs(levels[best] - c.channel(i))) best = k;
    code += weight * best;
  }
  return code;
}

/// Prints `cells` of a grid in percent: a row a depth (the start of the context above), a column a length.
[[gnu::cold]] inline void print_heat_map(std::ostream& out, std::string_view title, const NeedleGrid& grid,
                                         NeedleCells cells, bool colour) {
  require_whole(grid, cells);
  const auto percent = [](double x) { return right_aligned(fixed_text(100 * x, 0), 5); };
  out << printable(title) << " (" << fixed_text(100 * mean_of_cells(grid, cells), 1) << " % of all samples)\n  depth ";
  for (const int length : grid.lengths) out << right_aligned(length_text(length), 6);
  out << "  tokens\n";
  for (std::size_t d = 0; d < grid.depths.size(); ++d) {
    out << percent(grid.depths[d]) << " % ";
    for (std::size_t l = 0; l < grid.lengths.size(); ++l) {
      const double cell = (grid.*cells)[l][d];
      const Colour background = viridis(cell);
      const std::string text = percent(cell) + " ";
      if (colour)
        out << "\x1b[48;5;" + std::to_string(terminal_colour(background)) + ";38;5;"
            << (lightness(background) > 0.45 ? "16" : "231") << 'm' << text << "\x1b[0m";
      else
        out << text;
    }
    out << '\n';
  }
}

}  // namespace longsky
