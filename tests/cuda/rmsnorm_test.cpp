// tests/cuda/rmsnorm_test.cpp — the norm's kernels against its formula and the differences of it.
#include "cuda/on_device.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference_rows.hpp"

#include <longsky/cuda/rmsnorm.cuh>

namespace longsky::test {

namespace {

constexpr float eps = 1e-5f;

template <class T, int C>
struct Case {
  using Element = T;
  static constexpr int width = C;
};

}  // namespace

TEMPLATE_TEST_CASE("rmsnorm on a GPU is its formula", "[cuda][rmsnorm]", (Case<float, 16>), (Case<float, 128>),
                   (Case<float, 1100>), (Case<bf16, 16>), (Case<bf16, 512>)) {
  using T = typename TestType::Element;
  constexpr int C = TestType::width;
  const std::int64_t N = GENERATE(1, 7, 70);
  cuda::Device device;
  const auto x = stored_as<T>(random_floats(N * C, "x")), w = stored_as<T>(random_floats(C, "w"));
  OnDevice<T> on_x(device, x), on_w(device, w), y(device, N * C);
  OnDevice r(device, N);
  rmsnorm_forward<C>(device, Rows<T, C>{y, N}, r, Rows<T, C>{on_x, N}, on_w.data(), eps);
  Doubles want_r;
  const Doubles want = rmsnorm(to_double(x), to_double(w), eps, &want_r);
  CHECK(close(y.floats(), want, 1e-6 + rounding<T>));
  CHECK(close(r.floats(), want_r, 1e-6));
}

TEMPLATE_TEST_CASE("rmsnorm's gradients on a GPU are the differences of the formula", "[cuda][rmsnorm]",
                   (Case<float, 16>), (Case<bf16, 16>)) {
  using T = typename TestType::Element;
  constexpr int C = TestType::width;
  constexpr std::int64_t N = 9;
  cuda::Device device;
  const auto x = stored_as<T>(random_floats(N * C, "x")), dy = stored_as<T>(random_floats(N * C, "dy"));
  const auto start = stored_as<T>(random_floats(N * C, "dx")), w = stored_as<T>(random_floats(C, "w"));
  const auto start_w = random_floats(C, "dw");
  OnDevice<T> on_x(device, x), on_dy(device, dy), on_w(device, w), dx(device, start), y(device, N * C);
  OnDevice r(device, N), dw(device, start_w);
  rmsnorm_forward<C, T>(device, {y, N}, r, {on_x, N}, on_w, eps);
  rmsnorm_backward<C>(device, Rows<T, C>{dx, N}, dw, {on_dy, N}, {on_x, N}, r, on_w.data());

  const Doubles exact_x = to_double(x), exact_w = to_double(w), exact_dy = to_double(dy);
  Doubles want_x = differences(exact_x, exact_dy, [&](const Doubles& at) { return rmsnorm(at, exact_w, eps); });
  Doubles want_w = differences(exact_w, exact_dy, [&](const Doubles& at) { return rmsnorm(exact_x, at, eps); });
  for (std::size_t i = 0; i < want_x.size(); ++i) want_x[i] += start[i];
  for (std::size_t i = 0; i < want_w.size(); ++i) want_w[i] += start_w[i];
  CHECK(close(dx.floats(), want_x, 3e-6 + rounding<T>));
  CHECK(close(dw.floats(), want_w, 3e-6));
}

TEST_CASE("rmsnorm's weight gradient on a GPU sums over many blocks, in one order", "[cuda][rmsnorm]") {
  constexpr int C = 32;
  constexpr std::int64_t N = 3001;  // more rows than the warps of the most blocks
  cuda::Device device;
  const auto x = random_floats(N * C, "x"), dy = random_floats(N * C, "dy");
  Doubles r, want(C), scale(C);
  rmsnorm(to_double(x), Doubles(C, 1.0), eps, &r);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double term = double{dy[i]} * x[i] * r[i / C];
    want[i % C] += term;
    scale[i % C] += std::abs(term);
  }
  OnDevice on_x(device, x), on_dy(device, dy), on_w(device, std::vector<float>(C, 1.0f)), on_r(device, N),
      y(device, N * C);
  std::vector<float> first;
  for (int run = 0; run < 2; ++run) {
    OnDevice dx(device, std::vector<float>(N * C)), dw(device, std::vector<float>(C));
    rmsnorm_forward<C, float>(device, {y, N}, on_r, {on_x, N}, on_w, eps);
    rmsnorm_backward<C, float>(device, {dx, N}, dw, {on_dy, N}, {on_x, N}, on_r, on_w);
    CHECK(close(dw.floats(), want, scale, 1e-6));
    if (run == 0) first = dw.floats();
    CHECK(same_bits(first, dw.floats()));
  }
}

}  // namespace longsky::test
