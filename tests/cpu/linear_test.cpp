// tests/cpu/linear_test.cpp — a linear layer and its gradients against double precision.
#include <longsky/cpu/linear.hpp>

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference.hpp"

#include <tuple>
#include <vector>

using namespace longsky;
using namespace longsky::test;

namespace {

template <class PrecisionPolicy, int Outputs, int Inputs>
struct Layer {
  using Precision = PrecisionPolicy;
  static constexpr int N = Outputs, K = Inputs;
};
using Layers = std::tuple<Layer<Fp32, 1, 1>, Layer<Fp32, 3, 7>, Layer<Fp32, 70, 33>, Layer<Fp32, 384, 128>,
                          Layer<Bf16, 1, 1>, Layer<Bf16, 3, 7>, Layer<Bf16, 70, 33>, Layer<Bf16, 384, 128>>;

template <class L>
struct Inputs {
  static constexpr int N = L::N, K = L::K;
  std::int64_t rows;
  std::vector<float> x = factors<typename L::Precision>(random_floats(rows * K, "x"));
  std::vector<float> w = factors<typename L::Precision>(random_floats(std::int64_t{N} * K, "w"));
  std::vector<float> dy = factors<typename L::Precision>(random_floats(rows * N, "dy"));
  std::vector<float> bias = random_floats(N, "bias"), residual = random_floats(rows * N, "residual");
  std::vector<float> dw = random_floats(std::int64_t{N} * K, "dw");

  double of_x(std::int64_t t, std::int64_t k) const { return x[static_cast<std::size_t>(t * K + k)]; }
  double of_w(std::int64_t n, std::int64_t k) const { return w[static_cast<std::size_t>(n * K + k)]; }
  double of_dy(std::int64_t t, std::int64_t n) const { return dy[static_cast<std::size_t>(t * N + n)]; }
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("y = x W^T + bias + residual", "[linear]", Layers) {
  constexpr int N = TestType::N, K = TestType::K;
  const std::int64_t rows = GENERATE(1, 2, 4, 5, 67);
  const Inputs<TestType> in{rows};
  Exact want = product(
      rows, N, K, [&](auto t, auto k) { return in.of_x(t, k); }, [&](auto k, auto n) { return in.of_w(n, k); });
  cpu::Device device(2);
  const auto forward = [&](Guarded& y, const float* bias, const float* residual) {
    cpu::linear_forward<typename TestType::Precision, N, K>(device, {y.data(), rows}, {in.x.data(), rows}, in.w.data(),
                                                            bias, residual);
    CHECK(y.intact());
    CHECK(close(y.span(), want.value, want.scale, 4e-7));
  };
  CAPTURE(rows, N, K);
  SECTION("the product alone") {
    Guarded y(rows * N);
    forward(y, nullptr, nullptr);
  }
  SECTION("with everything") {
    for (std::int64_t i = 0; i < rows * N; ++i) {
      want.add(i, in.bias[static_cast<std::size_t>(i % N)]);
      want.add(i, in.residual[static_cast<std::size_t>(i)]);
    }
    Guarded y(rows * N), in_place(in.residual);
    forward(y, in.bias.data(), in.residual.data());
    forward(in_place, in.bias.data(), in_place.data());
  }
}

TEMPLATE_LIST_TEST_CASE("dx = dy W, dw += dy^T x, dbias += column sums", "[linear]", Layers) {
  using Precision = typename TestType::Precision;
  constexpr int N = TestType::N, K = TestType::K;
  const std::int64_t rows = GENERATE(1, 5, 67, 600);
  const Inputs<TestType> in{rows};
  const Exact want_dx = product(
      rows, K, N, [&](auto t, auto n) { return in.of_dy(t, n); }, [&](auto n, auto k) { return in.of_w(n, k); });
  Exact want_dw = product(
      N, K, rows, [&](auto n, auto t) { return in.of_dy(t, n); }, [&](auto t, auto k) { return in.of_x(t, k); });
  Exact want_dbias = product(
      N, 1, rows, [&](auto n, auto t) { return in.of_dy(t, n); }, [](auto, auto) { return 1.0; });
  for (std::int64_t i = 0; i < std::int64_t{N} * K; ++i) want_dw.add(i, in.dw[static_cast<std::size_t>(i)]);
  for (std::int64_t i = 0; i < N; ++i) want_dbias.add(i, in.bias[static_cast<std::size_t>(i)]);
  CAPTURE(rows, N, K);

  std::vector<float> first_dx, first_dw, first_dbias;
  for (const int threads : {1, 2, 3, 8}) {
    cpu::Device device(threads);
    Guarded dx(rows * K), dw(in.dw), dbias(in.bias);
    cpu::linear_backward_input<Precision, N, K>(device, {dx.data(), rows}, {in.dy.data(), rows}, in.w.data());
    cpu::linear_backward_weight<Precision, N, K>(device, dw.data(), dbias.data(), {in.dy.data(), rows},
                                                 {in.x.data(), rows});
    CHECK((dx.intact() && dw.intact() && dbias.intact()));
    if (threads == 1) {
      CHECK(close(dx.span(), want_dx.value, want_dx.scale, 4e-7));
      CHECK(close(dw.span(), want_dw.value, want_dw.scale, 4e-7));
      CHECK(close(dbias.span(), want_dbias.value, want_dbias.scale, 4e-7));
      first_dx = dx.vector(), first_dw = dw.vector(), first_dbias = dbias.vector();
    } else {
      CHECK(same_bits(first_dx, dx.vector()));
      CHECK(same_bits(first_dw, dw.vector()));
      CHECK(same_bits(first_dbias, dbias.vector()));
    }
  }
}

TEST_CASE("without a bias nothing but dw is written, without rows nothing at all", "[linear]") {
  cpu::Device device(2);
  Guarded dw(std::vector<float>(6, 0.5f));
  const std::vector<float> dy{1, 2, 3}, x{10, 20};
  cpu::linear_backward_weight<Fp32, 3, 2>(device, dw.data(), nullptr, {dy.data(), 1}, {x.data(), 1});
  CHECK(dw.vector() == std::vector<float>{10.5f, 20.5f, 20.5f, 40.5f, 30.5f, 60.5f});
  cpu::linear_backward_weight<Fp32, 3, 2>(device, dw.data(), nullptr, {dy.data(), 0}, {x.data(), 0});
  CHECK(dw.vector() == std::vector<float>{10.5f, 20.5f, 20.5f, 40.5f, 30.5f, 60.5f});
}
