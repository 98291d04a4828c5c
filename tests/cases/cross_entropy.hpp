// cases/cross_entropy.hpp — head and loss against double precision, with any part of the tokens masked, on every
// device.
#pragma once

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/device_array.hpp"
#include "support/reference.hpp"

#include <longsky/core/rows.hpp>
#include <longsky/spec/precision.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace longsky::test {

/// Every `every`-th token is trained.
inline std::vector<std::int32_t> some_targets(std::int64_t n, int every, int vocab) {
  std::vector<std::int32_t> targets(static_cast<std::size_t>(n), -1);
  for (std::size_t t = 0; t < targets.size(); t += static_cast<std::size_t>(every))
    targets[t] = static_cast<std::int32_t>(t * 7919 % static_cast<std::size_t>(vocab));
  return targets;
}

/// The two passes as a network calls them.
struct AsShipped {
  template <class Precision, int V, int C, class... Arguments>
  static void forward_backward(Arguments&&... arguments) {
    cross_entropy_forward_backward<Precision, V, C>(arguments...);
  }
  template <class Precision, int V, int C, class... Arguments>
  static void forward(Arguments&&... arguments) {
    cross_entropy_forward<Precision, V, C>(arguments...);
  }
};

/// A head of V rows of C. The names of the functions say what must hold.
template <class PrecisionPolicy, int Vocab, int Width, class Passes = AsShipped>
struct CrossEntropyCase {
  using Precision = PrecisionPolicy;
  static constexpr int V = Vocab, C = Width;
  using Floats = std::vector<float>;
  using Targets = std::vector<std::int32_t>;

  struct Answer {
    Floats losses, dx, dw;
    Targets best;
  };

  /// Both passes on devices that are alike; dw is added to. The losses are the same with gradients and without.
  template <class Device>
  static Answer compute(const Floats& x, const Targets& targets, const Floats& w, const Floats& dw_before,
                        float scale) {
    using T = typename Device::template Element<Precision>;
    const auto n = static_cast<std::int64_t>(targets.size());
    Targets likeliest;
    const auto [losses, dx, dw] = alike<Device>([&](Device& device) {
      auto on_x = put<T>(device, x), on_w = put<T>(device, w), dx = room<T>(device, n * C);
      auto losses = room<float>(device, n), alone = room<float>(device, n), dw = put<float>(device, dw_before);
      auto on_targets = put<std::int32_t>(device, targets), best = room<std::int32_t>(device, n);
      const std::span<const std::int32_t> of_targets = on_targets.span();
      const Rows<T, C> of_x{on_x, n}, of_dx{dx, n};
      Passes::template forward_backward<Precision, V, C>(device, losses.data(), of_dx, dw.data(), of_x, of_targets,
                                                         on_w.data(), scale);
      Passes::template forward<Precision, V, C>(device, alone.data(), best.data(), of_x, of_targets, on_w.data());
      CHECK(same_bits(losses.floats(), alone.floats()));
      if (likeliest.empty()) likeliest = best.values();
      CHECK(best.values() == likeliest);
      return std::array{losses.floats(), dx.floats(), dw.floats()};
    });
    return {losses, dx, dw, likeliest};
  }

  template <class Device>
  static void check_formula(std::int64_t n, int every) {
    using T = typename Device::template Element<Precision>;
    CAPTURE(n, every, V, C);
    const Floats x = stored_as<T>(factors<Precision>(random_floats(n * C, "x"))),
                 w = stored_as<T>(factors<Precision>(random_floats(V * C, "w"))), dw = random_floats(V * C, "dw");
    const Targets targets = some_targets(n, every, V);
    CrossEntropy want = cross_entropy(V, C, x, targets, w, 0.25);
    for (std::int64_t i = 0; i < std::int64_t{V} * C; ++i) want.dw.add(i, dw[static_cast<std::size_t>(i)]);
    const Answer got = compute<Device>(x, targets, w, dw, 0.25f);
    // The gradients of logits are rounded where the precision rounds factors, and dx where it is stored.
    const double error = 1e-6 + (Precision::rounds_factors ? 4e-3 : 0);
    CHECK(close(got.losses, want.losses.value, want.losses.scale, 1e-6));
    CHECK(close(got.dx, want.dx.value, want.dx.scale, error + (sizeof(T) == 4 ? 0 : rounding<T>)));
    CHECK(close(got.dw, want.dw.value, want.dw.scale, error));
    CHECK(got.best == want.best);
  }

  /// Nothing to train gives no loss and no gradient, and what is not a number gets nowhere.
  template <class Device>
  static void check_nothing_trained() {
    constexpr std::size_t n = 70;
    const Floats x(n * C, std::numeric_limits<float>::quiet_NaN());
    const Floats w = random_floats(V * C, "w"), dw = random_floats(V * C, "dw");
    const Answer got = compute<Device>(x, Targets(n, -1), w, dw, 1.0f);
    CHECK(got.losses == Floats(n, 0.0f));
    CHECK(got.dx == Floats(x.size(), 0.0f));
    CHECK(got.best == Targets(n, -1));
    CHECK(same_bits(got.dw, dw));
  }

  /// A masked token's numbers reach nobody else's.
  template <class Device>
  static void check_masked_tokens_stay_apart() {
    const Targets targets = some_targets(90, 3, V);
    Floats x = random_floats(90 * C, "x");
    const Floats w = random_floats(V * C, "w"), dw = random_floats(V * C, "dw");
    const Answer clean = compute<Device>(x, targets, w, dw, 1.0f);
    for (std::size_t t = 0; t < targets.size(); ++t)
      if (targets[t] < 0)
        std::fill_n(x.begin() + static_cast<std::ptrdiff_t>(t) * C, C, std::numeric_limits<float>::quiet_NaN());
    const Answer dirty = compute<Device>(x, targets, w, dw, 1.0f);
    CHECK(same_bits(clean.losses, dirty.losses));
    CHECK(same_bits(clean.dx, dirty.dx));
    CHECK(same_bits(clean.dw, dirty.dw));
  }

  /// The likeliest token is the first of the greatest logits; of a masked token it is -1.
  template <class Device>
  static void check_likeliest() {
    Floats w(std::size_t{V} * C, 0.0f);
    w[3 * C] = 2, w[(V - 29) * C] = 2, w[(V - 1) * C + 1] = 5;
    const Answer got = compute<Device>(in_rows({1, 0, -1, 7}, {0, 1, 0, 7}), {0, 1, 2, -1}, w, Floats(w.size()), 1.0f);
    CHECK(got.best == Targets{3, V - 1, 0, -1});
  }

  /// Logits of any size neither overflow nor hide what is not a number.
  template <class Device>
  static void check_extreme_logits() {
    Floats rising;
    for (int v = 0; v < V; ++v) rising.push_back(static_cast<float>(v));
    const Floats w = in_rows(rising);
    constexpr float last = V - 1;
    const Answer got = compute<Device>(in_rows({1000.0f, -1000.0f, std::numeric_limits<float>::quiet_NaN()}),
                                       {V - 1, V - 1, 0}, w, Floats(w.size()), 1.0f);
    CHECK(got.losses[0] == 0.0f);
    CHECK(got.losses[1] == 1000 * last);
    CHECK(std::isnan(got.losses[2]));
    CHECK(got.dx[0] == 0.0f);
    CHECK(got.dx[C] == -last);
    CHECK(std::isnan(got.dx[2 * C]));
  }

  /// The gradients are the slopes of the loss.
  template <class Device>
  static void check_slopes() {
    const Floats x = random_floats(3 * C, "x"), w = random_floats(V * C, "w");
    const Targets targets{V - 1, -1, 2};
    const Answer got = compute<Device>(x, targets, w, Floats(w.size()), 2.0f);
    const auto loss = [&](const Floats& at_x, const Floats& at_w) {
      const CrossEntropy e = cross_entropy(V, C, at_x, targets, at_w, 1.0);
      return 2.0 * (e.losses[0] + e.losses[1] + e.losses[2]);
    };
    const float h = 0x1p-10f;
    for (std::size_t i = 0; i < x.size(); ++i) {
      Floats up = x, down = x;
      up[i] += h, down[i] -= h;
      CHECK(std::abs((loss(up, w) - loss(down, w)) / (double{up[i]} - double{down[i]}) - double{got.dx[i]}) < 1e-5);
    }
    for (std::size_t i = 0; i < w.size(); ++i) {
      Floats up = w, down = w;
      up[i] += h, down[i] -= h;
      CHECK(std::abs((loss(x, up) - loss(x, down)) / (double{up[i]} - double{down[i]}) - double{got.dw[i]}) < 1e-5);
    }
  }

 private:
  /// One or two numbers a token in a row of C.
  static Floats in_rows(const Floats& first, const Floats& second = {}) {
    Floats x(first.size() * C, 0.0f);
    for (std::size_t t = 0; t < first.size(); ++t) {
      x[t * C] = first[t];
      if (!second.empty()) x[t * C + 1] = second[t];
    }
    return x;
  }
};

}  // namespace longsky::test
