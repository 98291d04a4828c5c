// tests/cpu/embedding_test.cpp — the lookup, and a gradient in which tokens meet again and again.
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference_rows.hpp"

#include <longsky/cpu/embedding.hpp>

namespace {

using namespace longsky;
using namespace longsky::test;

std::vector<std::int32_t> tokens_of(std::int64_t n, int vocab) {
  std::vector<std::int32_t> tokens;
  Random random(3, stream_of("tokens"), 0);
  for (std::int64_t i = 0; i < n; ++i)
    tokens.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(vocab))));
  return tokens;
}

template <int C>
struct Width {
  static constexpr int value = C;
};

}  // namespace

TEMPLATE_TEST_CASE("embedding looks rows up and sums their gradients", "[embedding]", Width<1>, Width<16>, Width<100>,
                   Width<128>) {
  constexpr int C = TestType::value, V = 11;
  constexpr std::int64_t N = 700;
  constexpr float scale = 1.5f;
  const auto tokens = tokens_of(N, V);
  const auto table = random_floats(V * C, "table"), dx = random_floats(N * C, "dx"),
             start = random_floats(V * C, "dtable");

  Doubles want_x(static_cast<std::size_t>(N * C)), want_dtable = to_double(start), terms(start.size(), 1.0);
  for (std::size_t i = 0; i < want_x.size(); ++i) {
    const std::size_t at = static_cast<std::size_t>(tokens[i / C]) * C + i % C;
    want_x[i] = double{scale} * table[at];
    want_dtable[at] += double{scale} * dx[i];
    terms[at] += std::abs(double{scale} * dx[i]);
  }

  std::vector<float> first;
  for (int threads : {1, 2, 3, 8}) {
    cpu::Device device(threads);
    Guarded x(N * C), dtable(start);
    embedding_forward<C>(device, {x.data(), N}, tokens, {table.data(), V}, scale);
    embedding_backward<C>(device, {dtable.data(), V}, tokens, {dx.data(), N}, scale);
    CHECK(close(x.span(), want_x, 1e-7));
    CHECK(close(dtable.span(), want_dtable, terms, 1e-6));
    CHECK((x.intact() && dtable.intact()));
    if (first.empty()) first = dtable.vector();
    CHECK(same_bits(first, dtable.vector()));
  }
}
