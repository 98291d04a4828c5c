// longsky/eval/axis.hpp — a range of numbers on a range of a picture, linear or logarithmic, and its ticks.
#pragma once

#include <longsky/core/number_text.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace longsky {

/// Numbers low … high, drawn from `from` to `to`.
struct Axis {
  double low = 0, high = 1;
  double from = 0, to = 1;
  bool logarithmic = false;

  /// Numbers outside stay at the border.
  double at(double x) const {
    const auto scale = [this](double v) { return logarithmic ? std::log(v) : v; };
    const double bounded = std::clamp(x, low, high);
    return from + (to - from) * (scale(bounded) - scale(low)) / (scale(high) - scale(low));
  }
};

/// An axis around the numbers given: room at both ends, never empty; logarithmic where they span more than
/// `log_beyond`.
inline Axis axis_around(const std::vector<double>& numbers, double from, double to, bool from_zero, double log_beyond) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double x : numbers) {
    if (!std::isfinite(x)) continue;
    low = std::min(low, x);
    high = std::max(high, x);
  }
  if (low > high) low = 0, high = 1;
  if (low > 0 && high / low > log_beyond) return {low / 1.1, high * 1.1, from, to, true};
  if (from_zero) low = std::min(low, 0.0);
  if (high - low < 1e-9 * std::max(1.0, std::abs(high))) high = low + std::max(1e-3, std::abs(low) * 0.1);
  const double room = 0.05 * (high - low);
  return {from_zero && low == 0 ? 0 : low - room, high + room, from, to, false};
}

/// Round numbers on the axis, about `wanted` of them: 1, 2 or 5 times a power of ten, or powers of two for tokens.
[[gnu::cold]] inline std::vector<double> ticks(const Axis& axis, int wanted, bool powers_of_two = false) {
  std::vector<double> found;
  if (axis.logarithmic && powers_of_two) {
    const double octaves = std::log2(axis.high / axis.low);
    const int step = std::max(1, static_cast<int>(std::ceil(octaves / wanted)));
    for (double e = std::ceil(std::log2(axis.low)); e <= std::log2(axis.high); e += step) found.push_back(std::exp2(e));
    return found;
  }
  if (axis.logarithmic) {
    const bool many = std::log10(axis.high / axis.low) > wanted / 2.0;
    for (double decade = std::pow(10, std::floor(std::log10(axis.low))); decade <= axis.high; decade *= 10)
      for (const double m : {1.0, 2.0, 5.0})
        if (decade * m >= axis.low && decade * m <= axis.high && (m == 1 || !many)) found.push_back(decade * m);
    return found;
  }
  const double raw = (axis.high - axis.low) / std::max(1, wanted);
  const double decade = std::pow(10, std::floor(std::log10(raw)));
  const double step = decade * (raw <= decade * 1.001 ? 1 : raw <= 2.001 * decade ? 2 : raw <= 5.001 * decade ? 5 : 10);
  for (double x = std::ceil(axis.low / step - 1e-9) * step; x <= axis.high + 1e-9 * step; x += step)
    found.push_back(std::abs(x) < step * 1e-9 ? 0 : x);
  return found;
}

/// "0.25", "1500", "12k": a tick's number.
inline std::string tick_text(double x) {
  return std::abs(x) >= 10'000 && std::fmod(x, 1000) == 0 ? fixed_text(x / 1000, 0) + "k" : general_text(x);
}

/// "512", "2K", "200K": a context length; K is 1024 where that comes out even, as is the custom.
inline std::string length_text(int tokens) {
  if (tokens >= 1024 && tokens % 1024 == 0) return std::to_string(tokens / 1024) + "K";
  if (tokens >= 10'000 && tokens % 1000 == 0) return std::to_string(tokens / 1000) + "k";
  return std::to_string(tokens);
}

}  // namespace longsky
