// support/cross_entropy_cases.hpp — what head and loss must do on every device, with any part of the tokens masked.
//
// `compute(x, targets, w, dw, scale)` is the device's forward and backward pass; dw is added to.
#pragma once

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace longsky::test {

struct CrossEntropyAnswer {
  std::vector<float> losses, dx, dw;
  std::vector<std::int32_t> best;
};

/// Every `every`-th token is trained.
inline std::vector<std::int32_t> some_targets(std::int64_t n, int every, int vocab) {
  std::vector<std::int32_t> targets(static_cast<std::size_t>(n), -1);
  for (std::size_t t = 0; t < targets.size(); t += static_cast<std::size_t>(every))
    targets[t] = static_cast<std::int32_t>(t * 7919 % static_cast<std::size_t>(vocab));
  return targets;
}

/// How far the gradients may be from the formula's, relative to the terms they are sums of.
struct CrossEntropyErrors {
  double dx, dw;
};

template <class Stored, class Compute>
void check_cross_entropy(int V, int C, std::int64_t n, int every, CrossEntropyErrors errors, const Stored& stored,
                         const Compute& compute) {
  const auto x = stored(random_floats(n * C, "x")), w = stored(random_floats(std::int64_t{V} * C, "w"));
  const auto dw = random_floats(std::int64_t{V} * C, "dw");
  const std::vector<std::int32_t> targets = some_targets(n, every, V);
  CrossEntropy want = cross_entropy(V, C, x, targets, w, 0.25);
  for (std::int64_t i = 0; i < std::int64_t{V} * C; ++i) want.dw.add(i, dw[static_cast<std::size_t>(i)]);
  const CrossEntropyAnswer got = compute(x, targets, w, dw, 0.25f);
  CHECK(close(got.losses, want.losses.value, want.losses.scale, 1e-6));
  CHECK(close(got.dx, want.dx.value, want.dx.scale, errors.dx));
  CHECK(close(got.dw, want.dw.value, want.dw.scale, errors.dw));
  CHECK(got.best == want.best);
}

/// Nothing to train gives no loss and no gradient, and what is not a number gets nowhere.
template <class Compute>
void check_nothing_trained(int V, int C, const Compute& compute) {
  constexpr std::size_t n = 70;
  const std::vector<float> x(n * static_cast<std::size_t>(C), std::numeric_limits<float>::quiet_NaN());
  const auto w = random_floats(std::int64_t{V} * C, "w"), dw = random_floats(std::int64_t{V} * C, "dw");
  const CrossEntropyAnswer got = compute(x, std::vector<std::int32_t>(n, -1), w, dw, 1.0f);
  CHECK(got.losses == std::vector<float>(n, 0.0f));
  CHECK(got.dx == std::vector<float>(x.size(), 0.0f));
  CHECK(got.best == std::vector<std::int32_t>(n, -1));
  CHECK(same_bits(got.dw, dw));
}

/// A masked token's numbers reach nobody else's.
template <class Compute>
void check_masked_tokens_stay_apart(int V, int C, const Compute& compute) {
  const std::vector<std::int32_t> targets = some_targets(90, 3, V);
  auto x = random_floats(90 * C, "x");
  const auto w = random_floats(std::int64_t{V} * C, "w"), dw = random_floats(std::int64_t{V} * C, "dw");
  const CrossEntropyAnswer clean = compute(x, targets, w, dw, 1.0f);
  for (std::size_t t = 0; t < targets.size(); ++t)
    if (targets[t] < 0)
      std::fill_n(x.begin() + static_cast<std::ptrdiff_t>(t) * C, C, std::numeric_limits<float>::quiet_NaN());
  const CrossEntropyAnswer dirty = compute(x, targets, w, dw, 1.0f);
  CHECK(same_bits(clean.losses, dirty.losses));
  CHECK(same_bits(clean.dx, dirty.dx));
  CHECK(same_bits(clean.dw, dirty.dw));
}

/// One number a token in a row of C.
inline std::vector<float> in_rows(int C, const std::vector<float>& first, const std::vector<float>& second = {}) {
  std::vector<float> x(first.size() * static_cast<std::size_t>(C), 0.0f);
  for (std::size_t t = 0; t < first.size(); ++t) {
    x[t * static_cast<std::size_t>(C)] = first[t];
    if (!second.empty()) x[t * static_cast<std::size_t>(C) + 1] = second[t];
  }
  return x;
}

/// The likeliest token is the first of the greatest logits; of a masked token it is -1.
template <class Compute>
void check_likeliest(int V, int C, const Compute& compute) {
  std::vector<float> w(static_cast<std::size_t>(V) * static_cast<std::size_t>(C), 0.0f);
  const auto weight = [&](int v, int c) -> float& { return w[static_cast<std::size_t>(v * C + c)]; };
  weight(3, 0) = 2, weight(V - 29, 0) = 2, weight(V - 1, 1) = 5;
  const CrossEntropyAnswer got =
      compute(in_rows(C, {1, 0, -1, 7}, {0, 1, 0, 7}), std::vector<std::int32_t>{0, 1, 2, -1}, w,
              std::vector<float>(w.size(), 0.0f), 1.0f);
  CHECK(got.best == std::vector<std::int32_t>{3, V - 1, 0, -1});
}

/// Logits of any size neither overflow nor hide what is not a number. V is 33.
template <class Compute>
void check_extreme_logits(int C, const Compute& compute) {
  std::vector<float> rising;
  for (int v = 0; v < 33; ++v) rising.push_back(static_cast<float>(v));
  const std::vector<float> w = in_rows(C, rising);
  const CrossEntropyAnswer got =
      compute(in_rows(C, {1000.0f, -1000.0f, std::numeric_limits<float>::quiet_NaN()}),
              std::vector<std::int32_t>{32, 32, 0}, w, std::vector<float>(w.size(), 0.0f), 1.0f);
  const auto row = static_cast<std::size_t>(C);
  CHECK(got.losses[0] == 0.0f);
  CHECK(got.losses[1] == 32000.0f);
  CHECK(std::isnan(got.losses[2]));
  CHECK(got.dx[0] == 0.0f);
  CHECK(got.dx[row] == -32.0f);
  CHECK(std::isnan(got.dx[2 * row]));
}

}  // namespace longsky::test
