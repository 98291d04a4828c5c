// cases/embedding.hpp — the lookup, and a gradient in which tokens meet again and again, on every device.
#pragma once

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/device_array.hpp"
#include "support/reference_rows.hpp"

#include <longsky/core/rows.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

namespace longsky::test {

struct EmbeddingCases {
  /// N tokens, of which `different` are: of a table of 11 rows the rest is nobody's.
  template <class Device, class T, int C>
  static void check(std::int64_t N, int different) {
    constexpr int V = 11;
    constexpr float scale = 1.5f;
    const std::vector<std::int32_t> tokens = random_integers(N, different, "tokens");
    const auto table = stored_as<T>(random_floats(V * C, "table")), dx = stored_as<T>(random_floats(N * C, "dx"));
    const auto start = random_floats(V * C, "dtable");
    Doubles want_x(static_cast<std::size_t>(N * C)), want_dtable = to_double(start), terms(start.size(), 1.0);
    for (std::size_t i = 0; i < want_x.size(); ++i) {
      const std::size_t at = static_cast<std::size_t>(tokens[i / C]) * C + i % C;
      want_x[i] = double{scale} * double{table[at]};
      want_dtable[at] += double{scale} * double{dx[i]};
      terms[at] += std::abs(double{scale} * double{dx[i]});
    }
    const auto [x, dtable] = alike<Device>([&](Device& device) {
      auto on_table = put<T>(device, table), on_dx = put<T>(device, dx), x = room<T>(device, N * C);
      auto dtable = put<float>(device, start);
      auto on_tokens = put<std::int32_t>(device, tokens);
      embedding_forward<C>(device, Rows<T, C>{x, N}, on_tokens.span(), Rows<T, C>{on_table, V}, scale);
      embedding_backward<C>(device, Rows<float, C>{dtable, V}, on_tokens.span(), Rows<T, C>{on_dx, N}, scale);
      return std::array{x.floats(), dtable.floats()};
    });
    CHECK(close(x, want_x, 1e-7 + (sizeof(T) == 4 ? 0 : rounding<T>)));
    CHECK(close(dtable, want_dtable, terms, 1e-6));
  }
};

}  // namespace longsky::test
