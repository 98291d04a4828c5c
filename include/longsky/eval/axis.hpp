// longsky/eval/axis.hpp — a range of numbers on a range of a picture, linear or logarithmic, and its ticks.
#pragma once

#include <longsky/core/finite_math.hpp>
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

/// An axis around the numbers given: room at both ends, never empty, its ends finite; logarithmic where they span more
/// than `log_beyond`.
inline Axis axis_around(const std::vector<double>& numbers, double from, double to, bool from_zero, double log_beyond) {
  constexpr double largest = 1e300;  // leaves room for the room at the ends
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double x : numbers) {
    if (!std::isfinite(x)) continue;
    low = std::min(low, std::clamp(x, -largest, largest));
    high = std::max(high, std::clamp(x, -largest, largest));
  }
  if (low > high) low = 0, high = 1;
  if (low > 0 && high / low > log_beyond) return {low / 1.1, high * 1.1, from, to, true};
  if (from_zero) low = std::min(low, 0.0);
  if (high - low < 1e-9 * std::max(1.0, std::abs(high))) high = low + std::max(1e-3, std::abs(low) * 0.1);
  const double room = 0.05 * (high - low);
  return {from_zero && low == 0 ? 0 : low - room, high + room, from, to, false};
}

/// Round numbers on the axis, about `wanted` of them and never more than a few times that: 1, 2 or 5 times a power of
/// ten, or powers of two for tokens.
[[gnu::cold]] inline std::vector<double> ticks(const Axis& axis, int wanted, bool powers_of_two = false) {
  wanted = std::max(1, wanted);
  std::vector<double> found;
  const auto add = [&](double x) {
    if (x >= axis.low && x <= axis.high) found.push_back(x);
  };
  // Counted, not compared: a sum that no longer grows would never pass the end of the axis.
  if (axis.logarithmic && powers_of_two) {
    const int first = static_cast<int>(std::ceil(std::log2(axis.low))), last = static_cast<int>(std::log2(axis.high));
    const int step = std::max(1, static_cast<int>(std::ceil((std::log2(axis.high) - std::log2(axis.low)) / wanted)));
    for (int e = first; e <= last; e += step) add(std::exp2(e));
    return found;
  }
  if (axis.logarithmic) {
    const int first = static_cast<int>(std::floor(std::log10(axis.low)));
    const int last = static_cast<int>(std::floor(std::log10(axis.high)));
    const double decades = std::log10(axis.high) - std::log10(axis.low);
    const int step = std::max(1, static_cast<int>(decades / wanted));
    for (int e = first; e <= last; e += step)
      for (const double m : {1.0, 2.0, 5.0})
        if (m == 1 || decades <= wanted / 2.0) add(m * std::pow(10, e));
    return found;
  }
  const double raw = axis.high / wanted - axis.low / wanted;
  const double decade = std::pow(10, std::floor(std::log10(raw)));
  const double step = decade * (raw <= decade * 1.001 ? 1 : raw <= 2.001 * decade ? 2 : raw <= 5.001 * decade ? 5 : 10);
  const double first = std::ceil(axis.low / step - 1e-9), last = std::floor(axis.high / step + 1e-9);
  for (int i = 0; i <= last - first; ++i) {
    const double x = (first + i) * step;
    found.push_back(std::abs(x) < step * 1e-9 ? 0 : x);
  }
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
