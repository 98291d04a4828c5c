// tests/cpu/linear_test.cpp — a linear layer and its gradients against double precision.
#include <longsky/cpu/linear.hpp>

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/linear_cases.hpp"

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

}  // namespace

TEMPLATE_LIST_TEST_CASE("y = x W^T + bias + residual", "[linear]", Layers) {
  constexpr int N = TestType::N, K = TestType::K;
  const std::int64_t rows = GENERATE(1, 2, 4, 5, 67);
  const LinearCase in(N, K, rows, factors<typename TestType::Precision>);
  cpu::Device device(2);
  const auto forward = [&](Guarded& y, const float* bias, const float* residual, const Exact& want) {
    cpu::linear_forward<typename TestType::Precision, N, K>(device, {y.data(), rows}, {in.x.data(), rows}, in.w.data(),
                                                            bias, residual);
    CHECK(y.intact());
    CHECK(close(y.span(), want.value, want.scale, 4e-7));
  };
  CAPTURE(rows, N, K);
  SECTION("the product alone") {
    Guarded y(rows * N);
    forward(y, nullptr, nullptr, in.y());
  }
  SECTION("with everything") {
    Guarded y(rows * N), in_place(in.residual);
    forward(y, in.bias.data(), in.residual.data(), in.y_with_all());
    forward(in_place, in.bias.data(), in_place.data(), in.y_with_all());
  }
}

TEMPLATE_LIST_TEST_CASE("dx = dy W, dw += dy^T x, dbias += column sums", "[linear]", Layers) {
  using Precision = typename TestType::Precision;
  constexpr int N = TestType::N, K = TestType::K;
  const std::int64_t rows = GENERATE(1, 5, 67, 600);
  const LinearCase in(N, K, rows, factors<Precision>);
  const Exact want_dx = in.dx(), want_dw = in.dw_after(), want_dbias = in.dbias_after();
  CAPTURE(rows, N, K);

  std::vector<float> first_dx, first_dw, first_dbias;
  for (const int threads : {1, 2, 3, 8}) {
    cpu::Device device(threads);
    Guarded dx(rows * K), dw(in.dw), dbias(in.dbias);
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
