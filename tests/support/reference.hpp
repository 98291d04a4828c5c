// support/reference.hpp — matrix products, linear layers and cross-entropy in double precision, as the formulas stand.
//
// Every answer comes with its scale: the sum of the magnitudes of its terms, to which rounding errors are proportional.
#pragma once

#include <longsky/core/half.hpp>

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace longsky::test {

/// Numbers and, for each, the sum of the magnitudes of what was summed.
struct Exact {
  std::vector<double> value, scale;

  Exact() = default;
  explicit Exact(std::int64_t size) : value(static_cast<std::size_t>(size)), scale(static_cast<std::size_t>(size)) {}
  void add(std::int64_t i, double term) { add(i, term, std::abs(term)); }
  void add(std::int64_t i, double term, double magnitude) {
    value[static_cast<std::size_t>(i)] += term;
    scale[static_cast<std::size_t>(i)] += magnitude;
  }
  double operator[](std::int64_t i) const { return value[static_cast<std::size_t>(i)]; }
};

/// The factors that a precision policy multiplies.
template <class Precision>
std::vector<float> factors(std::vector<float> x) {
  if constexpr (Precision::rounds_factors)
    for (float& value : x) value = rounded_to_bf16(value);
  return x;
}

/// C[i][j] = sum over k of a(i, k) b(k, j)
template <class A, class B>
Exact product(std::int64_t m, std::int64_t n, std::int64_t depth, const A& a, const B& b) {
  Exact c(m * n);
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t k = 0; k < depth; ++k)
      for (std::int64_t j = 0; j < n; ++j)
        c.add(i * n + j, static_cast<double>(a(i, k)) * static_cast<double>(b(k, j)));
  return c;
}

/// loss[t] = log(sum over v of e^logits[t][v]) - logits[t][target], and the gradients of scale * (sum of losses).
struct CrossEntropy {
  Exact losses, dx, dw;
  std::vector<std::int32_t> best;
};
inline CrossEntropy cross_entropy(std::int64_t V, std::int64_t C, std::span<const float> x,
                                  std::span<const std::int32_t> targets, std::span<const float> w, double scale) {
  const auto N = static_cast<std::int64_t>(targets.size());
  CrossEntropy out{Exact(N), Exact(N * C), Exact(V * C), std::vector<std::int32_t>(targets.size(), -1)};
  const auto at = [](std::span<const float> values, std::int64_t i) {
    return double{values[static_cast<std::size_t>(i)]};
  };
  for (std::int64_t t = 0; t < N; ++t) {
    const std::int32_t target = targets[static_cast<std::size_t>(t)];
    if (target < 0) continue;
    const Exact logits = product(
        1, V, C, [&](std::int64_t, std::int64_t c) { return at(x, t * C + c); },
        [&](std::int64_t c, std::int64_t v) { return at(w, v * C + c); });
    std::int64_t best = 0;
    for (std::int64_t v = 1; v < V; ++v)
      if (logits[v] > logits[best]) best = v;
    double total = 0, largest = 0;
    for (std::int64_t v = 0; v < V; ++v) {
      total += std::exp(logits[v] - logits[best]);
      largest = std::max(largest, logits.scale[static_cast<std::size_t>(v)]);
    }
    out.losses.add(t, std::log(total) + logits[best] - logits[target], 1 + largest);
    out.best[static_cast<std::size_t>(t)] = static_cast<std::int32_t>(best);
    for (std::int64_t v = 0; v < V; ++v) {
      const double p = std::exp(logits[v] - logits[best]) / total, d = scale * (p - (v == target ? 1 : 0));
      // An error of a logit becomes a relative error of its probability.
      const double of_d = scale * ((1 + largest) * p + (v == target ? 1 : 0));
      for (std::int64_t c = 0; c < C; ++c) {
        out.dx.add(t * C + c, d * at(w, v * C + c), of_d * std::abs(at(w, v * C + c)));
        out.dw.add(v * C + c, d * at(x, t * C + c), of_d * std::abs(at(x, t * C + c)));
      }
    }
  }
  return out;
}

}  // namespace longsky::test
