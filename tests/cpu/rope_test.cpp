// tests/cpu/rope_test.cpp — rotary positions and the cut into heads, against their formula.
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference_rows.hpp"

#include <longsky/cpu/rope.hpp>

namespace {

using namespace longsky;
using namespace longsky::test;

constexpr double base = 10'000;
constexpr int largest_position = 5000;

std::vector<float> table_of(int D) {
  std::vector<float> table;
  for (int p = 0; p < largest_position; ++p) {
    for (int i = 0; i < D / 2; ++i) table.push_back(static_cast<float>(std::cos(p * std::pow(base, -2.0 * i / D))));
    for (int i = 0; i < D / 2; ++i) table.push_back(static_cast<float>(std::sin(p * std::pow(base, -2.0 * i / D))));
  }
  return table;
}

/// Positions with gaps and restarts: nothing may be inferred from the place of a token.
std::vector<std::int32_t> positions_of(std::int64_t tokens) {
  std::vector<std::int32_t> positions;
  Random random(2, stream_of("positions"), 0);
  for (std::int64_t n = 0; n < tokens; ++n) positions.push_back(random.between(0, largest_position - 1));
  return positions;
}

template <int Heads, int KvHeads, int HeadDim>
struct Case {
  static constexpr int H = Heads, KV = KvHeads, D = HeadDim, row = (H + 2 * KV) * D;
};

}  // namespace

TEMPLATE_TEST_CASE("rope cuts and turns as its formula says, and back", "[rope]", (Case<4, 2, 32>), (Case<3, 3, 16>),
                   (Case<4, 1, 48>)) {
  using C = TestType;
  constexpr int D = C::D;
  const int B = GENERATE(1, 3), T = GENERATE(1, 130);
  const int threads = GENERATE(1, 3);
  const AttentionShape s{B, C::H, C::KV, T, D};
  const std::int64_t N = std::int64_t{B} * T;
  const auto qkv = random_floats(N * C::row, "qkv"), table = table_of(D);
  const auto positions = positions_of(N);
  cpu::Device device(threads);
  Guarded q(s.queries()), k(s.keys()), v(s.keys()), back(N * C::row);
  cpu::rope_forward<C::H, C::KV, D>(device, q.data(), k.data(), v.data(), {qkv.data(), N}, positions, table.data(), T);
  cpu::rope_backward<C::H, C::KV, D>(device, {back.data(), N}, q.data(), k.data(), v.data(), positions, table.data(),
                                     T);

  Doubles want_q(zeros(s.queries())), want_k(zeros(s.keys())), want_v(zeros(s.keys()));
  for (int b = 0; b < B; ++b)
    for (int t = 0; t < T; ++t) {
      const auto n = static_cast<std::size_t>(b * T + t);
      const float* row = &qkv[n * C::row];
      for (int h = 0; h < C::H; ++h) {
        double* head = &want_q[static_cast<std::size_t>(s.query(b, h, t))];
        std::copy_n(row + h * D, D, head);
        turn_head(head, D, positions[n], base);
      }
      for (int h = 0; h < C::KV; ++h) {
        const auto at = static_cast<std::size_t>(((b * C::KV + h) * T + t) * D);
        std::copy_n(row + (C::H + h) * D, D, &want_k[at]);
        turn_head(&want_k[at], D, positions[n], base);
        std::copy_n(row + (C::H + C::KV + h) * D, D, &want_v[at]);
      }
    }
  CHECK(close(q.span(), want_q, 1e-6));
  CHECK(close(k.span(), want_k, 1e-6));
  CHECK(to_double(v.vector()) == want_v);
  CHECK(close(back.span(), to_double(qkv), 1e-6));  // a turn's transpose is its inverse
  CHECK((q.intact() && k.intact() && v.intact() && back.intact()));
}
