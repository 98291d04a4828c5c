// tests/cpu/rmsnorm_test.cpp — the norm against its formula and the differences of it.
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference_rows.hpp"

#include <longsky/cpu/rmsnorm.hpp>

namespace {

using namespace longsky;
using namespace longsky::test;

constexpr float eps = 1e-5f;

template <int C>
struct Width {
  static constexpr int value = C;
};

template <int C>
struct Backward {
  std::vector<float> dx, dw;
};

template <int C>
Backward<C> backward(std::int64_t N, int threads) {
  cpu::Device device(threads);
  const auto x = random_floats(N * C, "x"), w = random_floats(C, "w"), dy = random_floats(N * C, "dy");
  Guarded y(N * C), r(N), dx(random_floats(N * C, "dx")), dw(random_floats(C, "dw"));
  rmsnorm_forward<C>(device, {y.data(), N}, r.data(), {x.data(), N}, w.data(), eps);
  rmsnorm_backward<C>(device, {dx.data(), N}, dw.data(), {dy.data(), N}, {x.data(), N}, r.data(), w.data());
  CHECK((y.intact() && r.intact() && dx.intact() && dw.intact()));
  return {dx.vector(), dw.vector()};
}

}  // namespace

TEMPLATE_TEST_CASE("rmsnorm forward is its formula", "[rmsnorm]", Width<16>, Width<48>, Width<128>, Width<1024>) {
  constexpr int C = TestType::value;
  const std::int64_t N = GENERATE(1, 7, 200);
  cpu::Device device(2);
  const auto x = random_floats(N * C, "x"), w = random_floats(C, "w");
  Guarded y(N * C), r(N);
  rmsnorm_forward<C>(device, {y.data(), N}, r.data(), {x.data(), N}, w.data(), eps);
  Doubles want_r;
  const Doubles want = rmsnorm(to_double(x), to_double(w), eps, &want_r);
  CHECK(close(y.span(), want, 1e-6));
  CHECK(close(r.span(), want_r, 1e-6));
  CHECK((y.intact() && r.intact()));
}

TEST_CASE("rmsnorm backward adds the differences of the formula", "[rmsnorm]") {
  constexpr int C = 16;
  constexpr std::int64_t N = 5;
  const Doubles x = to_double(random_floats(N * C, "x")), w = to_double(random_floats(C, "w"));
  const Doubles dy = to_double(random_floats(N * C, "dy"));
  Doubles dx = differences(x, dy, [&](const Doubles& at) { return rmsnorm(at, w, eps); });
  Doubles dw = differences(w, dy, [&](const Doubles& at) { return rmsnorm(x, at, eps); });
  const auto start_dx = random_floats(N * C, "dx"), start_dw = random_floats(C, "dw");
  for (std::size_t i = 0; i < dx.size(); ++i) dx[i] += start_dx[i];
  for (std::size_t i = 0; i < dw.size(); ++i) dw[i] += start_dw[i];
  const auto got = backward<C>(N, 1);
  CHECK(close(got.dx, dx, 3e-6));
  CHECK(close(got.dw, dw, 3e-6));
}

TEST_CASE("rmsnorm's weight gradient sums over many chunks of rows, in one order", "[rmsnorm]") {
  constexpr int C = 32;
  const std::int64_t N = GENERATE(513, 9000);
  const auto x = random_floats(N * C, "x"), dy = random_floats(N * C, "dy"), start = random_floats(C, "dw");
  Doubles r, want(start.begin(), start.end()), scale(C, 1.0);
  rmsnorm(to_double(x), Doubles(C, 1.0), eps, &r);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double term = double{dy[i]} * x[i] * r[i / C];
    want[i % C] += term;
    scale[i % C] += std::abs(term);
  }
  const auto one = backward<C>(N, 1);
  CHECK(close(one.dw, want, scale, 1e-6));
  for (int threads : {2, 3, 8}) {
    const auto many = backward<C>(N, threads);
    CHECK(same_bits(one.dx, many.dx));
    CHECK(same_bits(one.dw, many.dw));
  }
}

TEST_CASE("rmsnorm of a row of zeros is zero, and so is its gradient's share", "[rmsnorm]") {
  constexpr int C = 16;
  cpu::Device device(1);
  const std::vector<float> x(C), w(C, 1.0f), dy(C, 1.0f);
  Guarded y(C), r(1), dx(C, 0.0f), dw(C, 0.0f);
  rmsnorm_forward<C>(device, {y.data(), 1}, r.data(), {x.data(), 1}, w.data(), eps);
  rmsnorm_backward<C>(device, {dx.data(), 1}, dw.data(), {dy.data(), 1}, {x.data(), 1}, r.data(), w.data());
  for (int c = 0; c < C; ++c) {
    CHECK(y.span()[c] == 0.0f);
    CHECK(dw.span()[c] == 0.0f);
    CHECK(dx.span()[c] == Approx(1 / std::sqrt(eps)).epsilon(1e-5));
  }
}
