// longsky/eval/figures.hpp — the pictures of a run: losses of the stages, needle grids, perplexity by position.
#pragma once

#include <longsky/core/finite_math.hpp>
#include <longsky/core/number_text.hpp>
#include <longsky/eval/axis.hpp>
#include <longsky/eval/chart.hpp>
#include <longsky/eval/colour.hpp>
#include <longsky/eval/heat_map.hpp>
#include <longsky/eval/loss_curve.hpp>
#include <longsky/eval/report_data.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace longsky {

/// A grid with its name, such as "before".
struct NamedGrid {
  std::string name;
  NeedleGrid grid;
};

/// A curve with its name.
struct NamedCurve {
  std::string name;
  PerplexityCurve curve;
};

/// Context lengths worth a line in a picture; 0 draws none.
struct ContextMarks {
  int trained_short = 0, trained_long = 0;
};

namespace figure {

constexpr double width = 800;

inline void heading(Picture& p, const std::string& title, const std::string& below) {
  p.text({20, 30}, title, {.size = 18, .bold = true});
  p.text({20, 50}, below, {.size = 12.5, .ink = ink::muted});
}

inline std::string percent(double x) { return fixed_text(100 * x, 0); }

/// Horizontal lines with their numbers to the left.
inline void y_axis(Picture& p, const Axis& y, double left, double right, bool with_numbers) {
  for (const double t : ticks(y, 6)) {
    p.line({{left, y.at(t)}, {right, y.at(t)}}, {.ink = ink::grid});
    if (with_numbers) p.text({left - 7, y.at(t) + 4}, tick_text(t), {.ink = ink::muted, .anchor = Anchor::end});
  }
}

/// A mean over neighbours that ends where the data ends: the line under the noise.
inline std::vector<double> smoothed(const std::vector<double>& losses) {
  const int n = static_cast<int>(losses.size()), reach = std::max(1, n / 50);
  std::vector<double> out(losses.size());
  for (int i = 0; i < n; ++i) {
    double sum = 0;
    int count = 0;
    for (int k = std::max(0, i - reach); k <= std::min(n - 1, i + reach); ++k) {
      if (!std::isfinite(losses[static_cast<std::size_t>(k)])) continue;
      sum += losses[static_cast<std::size_t>(k)];
      ++count;
    }
    out[static_cast<std::size_t>(i)] = count == 0 ? std::nan("") : sum / count;
  }
  return out;
}

/// The lines of a curve; a number that is none breaks it.
[[gnu::cold]] inline void curve(Picture& p, const Axis& x, const Axis& y, const std::vector<double>& xs,
                                const std::vector<double>& ys, const LineStyle& style) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < ys.size(); ++i) {
    if (std::isfinite(ys[i])) {
      points.push_back({x.at(xs[i]), y.at(ys[i])});
    } else {
      p.line(std::exchange(points, {}), style);
    }
  }
  p.line(std::move(points), style);
}

[[gnu::cold]] inline void heat_map(Picture& p, const NeedleGrid& grid, NeedleCells cells, Point corner,
                                   double map_width, double map_height, bool depth_numbers, ContextMarks marks) {
  const std::size_t columns = grid.lengths.size(), rows = grid.depths.size();
  const double w = map_width / static_cast<double>(columns), h = map_height / static_cast<double>(rows);
  for (std::size_t l = 0; l < columns; ++l) {
    const double x = corner.x + w * static_cast<double>(l);
    for (std::size_t d = 0; d < rows; ++d) {
      const double y = corner.y + h * static_cast<double>(d);
      const Colour fill = viridis((grid.*cells)[l][d]);
      p.rectangle({x + 0.5, y + 0.5}, w - 1, h - 1, {"", fill, fill});
      const Colour on_it = {lightness(fill) > 0.45 ? 0x111111u : 0xffffffu};
      const double size = std::min({13.0, w * 0.4, h * 0.6});
      if (size >= 6)
        p.text({x + w / 2, y + h / 2 + size * 0.36}, percent((grid.*cells)[l][d]),
               {.size = size, .ink = {"", on_it, on_it}, .anchor = Anchor::middle});
    }
    p.text({x + w / 2, corner.y + map_height + 17}, length_text(grid.lengths[l]),
           {.size = std::min(12.0, w * 0.42), .ink = ink::muted, .anchor = Anchor::middle});
  }
  for (std::size_t d = 0; depth_numbers && d < rows; ++d)
    p.text({corner.x - 7, corner.y + h * (static_cast<double>(d) + 0.5) + 4}, percent(grid.depths[d]),
           {.ink = ink::muted, .anchor = Anchor::end});
  p.text({corner.x + map_width / 2, corner.y + map_height + 37}, "context length (tokens)", {.anchor = Anchor::middle});
  // The border of what was trained runs between two columns.
  for (const auto& [tokens, ink] :
       {std::pair(marks.trained_short, ink::lines[1]), std::pair(marks.trained_long, ink::text)}) {
    const auto within = std::count_if(grid.lengths.begin(), grid.lengths.end(), [t = tokens](int n) { return n <= t; });
    if (tokens <= 0 || within == 0 || within == static_cast<std::ptrdiff_t>(columns)) continue;
    const double x = corner.x + w * static_cast<double>(within);
    p.line({{x, corner.y - 4}, {x, corner.y + map_height + 4}}, {.ink = ink, .width = 2});
  }
}

}  // namespace figure

/// A panel a stage, all on one scale of losses: every loss faint, their running mean strong.
[[gnu::cold]] inline Picture loss_figure(std::span<const LossCurve> stages) {
  constexpr double left = 62, right = 775, top = 96, bottom = 330, gap = 14;
  Picture p(figure::width, 385, "Training loss of each stage");
  figure::heading(p, "Training loss of each stage",
                  "every step (faint) and its running mean (strong); nats per trained token");
  std::vector<double> all;
  for (const LossCurve& stage : stages) {
    const std::vector<double> means = figure::smoothed(stage.losses);
    all.insert(all.end(), means.begin(), means.end());
    // The first losses of a stage belong in the picture, a later spike does not set its scale.
    all.insert(all.end(), stage.losses.begin(),
               stage.losses.begin() + std::min<std::ptrdiff_t>(1, std::ssize(stage.losses)));
  }
  const Axis y = axis_around(all, bottom, top, true, std::numeric_limits<double>::infinity());
  const double n = static_cast<double>(std::max<std::size_t>(1, stages.size()));
  const double panel = (right - left - gap * (n - 1)) / n;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const LossCurve& stage = stages[i];
    const double x0 = left + (panel + gap) * static_cast<double>(i);
    const Ink ink = ink::lines[i % ink::lines.size()];
    figure::y_axis(p, y, x0, x0 + panel, i == 0);
    std::vector<double> steps;  // of the stage, so that a short stage after a long one has round numbers too
    for (const std::int64_t step : stage.steps)  // in doubles: the difference of two steps may have no 64 bits
      steps.push_back(static_cast<double>(step) - static_cast<double>(stage.steps.front()) + 1);
    const Axis x{0, steps.empty() ? 1 : steps.back(), x0, x0 + panel};
    figure::curve(p, x, y, steps, stage.losses, {.ink = ink, .width = 1, .opacity = 0.3});
    figure::curve(p, x, y, steps, figure::smoothed(stage.losses), {.ink = ink, .width = 2});
    for (const double t : ticks(x, std::max(1, static_cast<int>(panel / 45)))) {
      p.line({{x.at(t), bottom}, {x.at(t), bottom + 4}}, {.ink = ink::muted});
      // At its borders a panel's numbers stay within it, clear of the neighbour's.
      const Anchor anchor = t == 0 ? Anchor::start : x.at(t) > x0 + panel - 16 ? Anchor::end : Anchor::middle;
      p.text({x.at(t), bottom + 18}, tick_text(t), {.size = 11, .ink = ink::muted, .anchor = anchor});
    }
    p.line({{x0, bottom}, {x0 + panel, bottom}}, {.ink = ink::muted});
    p.text({x0, top - 12}, stage.stage, {.size = 12.5, .ink = ink, .bold = true});
    if (stage.context > 0)
      p.text({x0 + panel, top - 12}, length_text(stage.context) + " tokens",
             {.size = 11, .ink = ink::muted, .anchor = Anchor::end});
  }
  p.text({(left + right) / 2, bottom + 42}, "optimizer step of the stage", {.anchor = Anchor::middle});
  p.text({18, (top + bottom) / 2}, "loss (nats per token)", {.anchor = Anchor::middle, .upwards = true});
  return p;
}

/// Heat maps side by side, on one scale. Throws Error where one lacks cells.
[[gnu::cold]] inline Picture needle_figure(const std::string& title, std::span<const NamedGrid> grids,
                                           NeedleCells cells, ContextMarks marks) {
  constexpr double left = 62, right = 715, top = 98, gap = 24;
  std::size_t rows = 1;
  for (const NamedGrid& g : grids) {
    require_whole(g.grid, cells);
    rows = std::max(rows, g.grid.depths.size());
  }
  const double map_height = std::clamp(static_cast<double>(rows) * 28, 140.0, 320.0), bottom = top + map_height;
  Picture p(figure::width, bottom + 82, title);
  const int samples = grids.empty() ? 0 : grids[0].grid.samples;
  figure::heading(
      p, title,
      "percent of samples, " + std::to_string(samples) + " in each cell; depth 0 % is the start of the context");
  const double n = static_cast<double>(std::max<std::size_t>(1, grids.size()));
  const double map_width = (right - left - gap * (n - 1)) / n;
  for (std::size_t i = 0; i < grids.size(); ++i) {
    const NeedleGrid& grid = grids[i].grid;
    const double x0 = left + (map_width + gap) * static_cast<double>(i);
    p.text({x0, top - 13}, grids[i].name, {.size = 13, .bold = true});
    const std::string mean = fixed_text(100 * mean_of_cells(grid, cells), 1) + " % in all";
    p.text({x0 + map_width, top - 13}, mean, {.size = 12.5, .anchor = Anchor::end});
    figure::heat_map(p, grid, cells, {x0, top}, map_width, map_height, i == 0, marks);
  }
  p.text({18, (top + bottom) / 2}, "depth of the needle (%)", {.anchor = Anchor::middle, .upwards = true});

  constexpr int bands = 50;  // the colour scale
  for (int i = 0; i < bands; ++i) {
    const Colour fill = viridis((i + 0.5) / bands);
    const double h = map_height / bands;
    p.rectangle({735, bottom - h * (i + 1)}, 14, h + 0.5, {"", fill, fill});
  }
  for (const double t : {0.0, 0.25, 0.5, 0.75, 1.0})
    p.text({755, bottom - map_height * t + 4}, figure::percent(t) + " %", {.size = 11, .ink = ink::muted});
  std::string note;
  if (marks.trained_short > 0)
    note += "orange line: the longest context of the short stages, " + std::to_string(marks.trained_short) + " tokens";
  if (marks.trained_long > 0)
    note += (note.empty() ? "" : ";  ") + std::string("longest context trained: ") + std::to_string(marks.trained_long);
  p.text({left, bottom + 64}, note, {.size = 11.5, .ink = ink::muted});
  return p;
}

/// Perplexity by position, a line a model, named beside the lines.
[[gnu::cold]] inline Picture perplexity_figure(std::span<const NamedCurve> curves, ContextMarks marks) {
  constexpr double left = 62, right = 780, top = 122, bottom = 360;
  Picture p(figure::width, 415, "Perplexity by position");
  figure::heading(p, "Perplexity by position",
                  "on text that was held out; a model that uses its context goes down to the right");
  std::vector<double> positions, perplexities;
  std::vector<std::vector<double>> xs, ys;
  for (const NamedCurve& c : curves) {
    xs.emplace_back(c.curve.position_end.begin(), c.curve.position_end.end());
    ys.emplace_back();
    for (const double nll : c.curve.nll_mean) ys.back().push_back(std::exp(nll));
    positions.insert(positions.end(), xs.back().begin(), xs.back().end());
    perplexities.insert(perplexities.end(), ys.back().begin(), ys.back().end());
  }
  const Axis x = axis_around(positions, left, right, false, 8), y = axis_around(perplexities, bottom, top, false, 6);
  figure::y_axis(p, y, left, right, true);
  for (const double t : ticks(x, 10, true)) {
    p.line({{x.at(t), bottom}, {x.at(t), bottom + 4}}, {.ink = ink::muted});
    p.text({x.at(t), bottom + 18}, length_text(static_cast<int>(t)), {.ink = ink::muted, .anchor = Anchor::middle});
  }
  p.line({{left, bottom}, {right, bottom}}, {.ink = ink::muted});
  for (const int tokens : {marks.trained_short, marks.trained_long}) {
    if (tokens < x.low || tokens > x.high || tokens == 0) continue;
    p.line({{x.at(tokens), top}, {x.at(tokens), bottom}}, {.ink = ink::muted, .width = 1.2, .dashed = true});
    p.text({x.at(tokens) + 3, top - 7}, "trained to " + length_text(tokens),
           {.size = 11, .ink = ink::muted, .anchor = Anchor::end});
  }
  double legend = left;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const Ink ink = ink::lines[i % ink::lines.size()];
    figure::curve(p, x, y, xs[i], ys[i], {.ink = ink, .width = 2.2});
    p.line({{legend, 76}, {legend + 20, 76}}, {.ink = ink, .width = 3});
    p.text({legend + 26, 80}, curves[i].name, {.size = 12.5, .ink = ink, .bold = true});
    legend += 26 + 9.0 * static_cast<double>(curves[i].name.size()) + 24;
  }
  p.text({(left + right) / 2, bottom + 42}, "position in the context (tokens)", {.anchor = Anchor::middle});
  p.text({18, (top + bottom) / 2}, std::string("perplexity") + (y.logarithmic ? " (logarithmic)" : ""),
         {.anchor = Anchor::middle, .upwards = true});
  return p;
}

}  // namespace longsky
