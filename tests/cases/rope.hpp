// cases/rope.hpp — rotary positions and the cut into heads against their formula, on every device.
#pragma once

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/device_array.hpp"
#include "support/reference_rows.hpp"

#include <longsky/core/rows.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace longsky::test {

template <int Heads, int KvHeads, int HeadDim>
struct RopeCase {
  static constexpr int H = Heads, KV = KvHeads, D = HeadDim, row = (H + 2 * KV) * D;
  static constexpr double base = 10'000;
  static constexpr int places = 5000;

  static std::vector<float> table() {
    std::vector<float> table;
    for (int p = 0; p < places; ++p)
      for (int i = 0; i < D; ++i) {
        const double angle = p * std::pow(base, -2.0 * (i % (D / 2)) / D);
        table.push_back(static_cast<float>(i < D / 2 ? std::cos(angle) : std::sin(angle)));
      }
    return table;
  }

  template <class Device, class T>
  static void check(int B, int context) {
    const AttentionShape s{B, H, KV, context, D};
    const std::int64_t N = std::int64_t{B} * context;
    const auto qkv = stored_as<T>(random_floats(N * row, "qkv")), angles = table();
    // Gaps and restarts: nothing may be inferred from the place of a token.
    const std::vector<std::int32_t> positions = random_integers(N, places, "positions");
    const auto [q, k, v, back] = alike<Device>([&](Device& device) {
      auto on_qkv = put<T>(device, qkv), q = room<T>(device, s.queries()), k = room<T>(device, s.keys()),
           v = room<T>(device, s.keys()), back = room<T>(device, N * row);
      auto on_table = put<float>(device, angles);
      auto on_positions = put<std::int32_t>(device, positions);
      rope_forward<H, KV, D>(device, q.data(), k.data(), v.data(), Rows<T, row>{on_qkv, N}, on_positions.span(),
                             on_table.data(), context);
      rope_backward<H, KV, D>(device, Rows<T, row>{back, N}, q.data(), k.data(), v.data(), on_positions.span(),
                              on_table.data(), context);
      return std::array{q.floats(), k.floats(), v.floats(), back.floats()};
    });

    Doubles want_q(zeros(s.queries())), want_k(zeros(s.keys())), want_v(zeros(s.keys()));
    for (int b = 0; b < B; ++b)
      for (int t = 0; t < context; ++t) {
        const auto n = static_cast<std::size_t>(b * context + t);
        const float* const from = &qkv[n * row];
        for (int h = 0; h < H; ++h) {
          double* const head = &want_q[static_cast<std::size_t>(s.query(b, h, t))];
          std::copy_n(from + h * D, D, head);
          turn_head(head, D, positions[n], base);
        }
        for (int h = 0; h < KV; ++h) {
          const auto at = static_cast<std::size_t>(((b * KV + h) * context + t) * D);
          std::copy_n(from + (H + h) * D, D, &want_k[at]);
          turn_head(&want_k[at], D, positions[n], base);
          std::copy_n(from + (H + KV + h) * D, D, &want_v[at]);
        }
      }
    CHECK(close(q, want_q, 1e-6 + rounding<T>));
    CHECK(close(k, want_k, 1e-6 + rounding<T>));
    CHECK(to_double(v) == want_v);
    CHECK(close(back, to_double(qkv), 1e-6 + 2 * rounding<T>));  // a turn's transpose is its inverse
  }
};

}  // namespace longsky::test
