// tests/cuda/linear_test.cpp — a linear layer and its gradients as they are queued for a GPU, against double precision.
#include "cuda/far_memory.hpp"
#include "cuda/on_device.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/linear_cases.hpp"

#include <longsky/cuda/linear.cuh>

#include <tuple>
#include <vector>

namespace longsky::test {

namespace {

template <class PrecisionPolicy, int Outputs, int Inputs>
struct Layer {
  using Precision = PrecisionPolicy;
  using T = cuda::ElementOf<Precision>;
  static constexpr int N = Outputs, K = Inputs;
};
using Layers = std::tuple<Layer<Fp32, 1, 1>, Layer<Fp32, 3, 7>, Layer<Fp32, 264, 32>, Layer<Bf16, 1, 1>,
                          Layer<Bf16, 3, 7>, Layer<Bf16, 264, 32>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("y = x W^T + bias + residual on a GPU", "[cuda][linear]", Layers) {
  using T = typename TestType::T;
  using Precision = typename TestType::Precision;
  constexpr int N = TestType::N, K = TestType::K;
  const std::int64_t rows = GENERATE(1, 2, 67);
  const LinearCase in(N, K, rows, stored_as<T>);
  const Exact product_alone = in.y(), sum = in.y_with_all();
  CAPTURE(rows, N, K);
  cuda::Device device;
  OnDevice<T> x(device, in.x), w(device, in.w), bias(device, in.bias), residual(device, in.residual);
  OnDevice<T> alone(device, rows * N), with_all(device, rows * N), in_place(device, in.residual);
  OnDevice<float> logits(device, rows * N), logits_with_all(device, rows * N);
  const Rows<const T, K> of_x{x, rows};
  cuda::linear_forward<Precision, N, K>(device, Rows<T, N>{alone, rows}, of_x, w, nullptr, nullptr);
  cuda::linear_forward<Precision, N, K>(device, Rows<T, N>{with_all, rows}, Rows<T, K>{x, rows}, w, bias, residual);
  cuda::linear_forward<Precision, N, K>(device, Rows<T, N>{in_place, rows}, of_x, w, bias, in_place);
  cuda::linear_forward<Precision, N, K>(device, Rows<float, N>{logits, rows}, of_x, w, nullptr, nullptr);
  CHECK(close(alone.floats(), product_alone.value, product_alone.scale, 4e-7 + rounding<T>));
  CHECK(close(with_all.floats(), sum.value, sum.scale, 4e-7 + rounding<T>));
  CHECK(same_bits(with_all.floats(), in_place.floats()));
  CHECK(close(logits.floats(), product_alone.value, product_alone.scale, 4e-7));
  if constexpr (Precision::rounds_factors) {
    cuda::linear_forward<Precision, N, K>(device, Rows<float, N>{logits_with_all, rows}, of_x, w, bias, residual);
    CHECK(close(logits_with_all.floats(), sum.value, sum.scale, 4e-7));
  }
}

TEMPLATE_LIST_TEST_CASE("dx = dy W, dw += dy^T x, dbias += column sums on a GPU", "[cuda][linear]", Layers) {
  using T = typename TestType::T;
  using Precision = typename TestType::Precision;
  constexpr int N = TestType::N, K = TestType::K;
  const std::int64_t rows = GENERATE(1, 5, 67, 600);
  const LinearCase in(N, K, rows, stored_as<T>);
  const Exact want_dx = in.dx(), want_dw = in.dw_after(), want_dbias = in.dbias_after();
  CAPTURE(rows, N, K);

  cuda::Device device;
  OnDevice<T> x(device, in.x), w(device, in.w), dy(device, in.dy), dx(device, rows * K);
  OnDevice<float> dw(device, in.dw), dbias(device, in.dbias), dw_alone(device, in.dw);
  cuda::linear_backward_input<Precision, N, K>(device, Rows<T, K>{dx, rows}, {dy, rows}, w);
  cuda::linear_backward_weight<Precision, N, K>(device, dw, dbias, Rows<T, N>{dy, rows}, Rows<const T, K>{x, rows});
  cuda::linear_backward_weight<Precision, N, K>(device, dw_alone, nullptr, Rows<T, N>{dy, rows}, Rows<T, K>{x, rows});
  CHECK(close(dx.floats(), want_dx.value, want_dx.scale, 4e-7 + rounding<T>));
  CHECK(close(dw.floats(), want_dw.value, want_dw.scale, 4e-7));
  CHECK(close(dbias.floats(), want_dbias.value, want_dbias.scale, 4e-7));
  CHECK(same_bits(dw.floats(), dw_alone.floats()));
}

TEST_CASE("without rows a linear layer on a GPU writes nothing", "[cuda][linear]") {
  cuda::Device device;
  OnDevice<float> w(device, 6), y(device, 3), x(device, 2);
  OnDevice<float> dw(device, std::vector<float>(6, 0.5f)), dbias(device, std::vector<float>(3, 0.5f));
  cuda::linear_forward<Fp32, 3, 2>(device, Rows<float, 3>{y, 0}, Rows<float, 2>{x, 0}, w, nullptr, nullptr);
  cuda::linear_backward_weight<Fp32, 3, 2>(device, dw, dbias, Rows<float, 3>{y, 0}, Rows<float, 2>{x, 0});
  CHECK(dw.floats() == std::vector<float>(6, 0.5f));
  CHECK(dbias.floats() == std::vector<float>(3, 0.5f));
}

TEST_CASE("a product's rows may lie more than 2^31 elements apart", "[cuda][matmul]") {
  constexpr std::int64_t apart = (std::int64_t{1} << 31) + 8;
  cuda::Device device;
  FarMemory<float> a(2 * apart), d(2 * apart);
  for (int i = 0; i < 2; ++i) a.write(i * apart, std::vector<float>(3, 2.0f + static_cast<float>(i)));
  OnDevice<float> b(device, std::vector<float>{1, 10, 100});
  cuda::matmul(device, {2, 1, 3}, cuda::Factor<float>{a.data(), apart}, cuda::Factor<float>{b, 1}, d.data(), apart);
  CHECK(d.read(0, 1)[0] == 222.0f);
  CHECK(d.read(apart, 1)[0] == 333.0f);
}

}  // namespace longsky::test
