// tests/cuda/linear_test.cpp — a linear layer and its gradients as they are queued for a GPU.
#include "cases/linear.hpp"
#include "cuda/far_memory.hpp"
#include "cuda/on_device.hpp"

#include <longsky/cuda/linear.cuh>

#include <cstdint>
#include <tuple>
#include <vector>

namespace longsky::test {

using Layers = std::tuple<LinearCase<Fp32, 264, 32>, LinearCase<Bf16, 264, 32>>;
/// Rows that do not begin on 16 bytes.
using OddLayers =
    std::tuple<LinearCase<Fp32, 1, 1>, LinearCase<Fp32, 3, 7>, LinearCase<Bf16, 1, 1>, LinearCase<Bf16, 3, 7>>;

TEMPLATE_LIST_TEST_CASE("y = x W^T + bias + residual on a GPU", "[cuda][linear][smoke]", Layers) {
  TestType::template check_forward<cuda::Device>(GENERATE(1, 2, 67));
}
TEMPLATE_LIST_TEST_CASE("y = x W^T + bias + residual on a GPU, odd shapes", "[cuda][linear][odd]", OddLayers) {
  TestType::template check_forward<cuda::Device>(GENERATE(1, 2, 67));
}

TEMPLATE_LIST_TEST_CASE("dx = dy W, dw += dy^T x, dbias += column sums on a GPU", "[cuda][linear][smoke]", Layers) {
  TestType::template check_backward<cuda::Device>(GENERATE(1, 5, 67, 600));
}
TEMPLATE_LIST_TEST_CASE("dx = dy W, dw += dy^T x, dbias += column sums on a GPU, odd shapes", "[cuda][linear][odd]",
                        OddLayers) {
  TestType::template check_backward<cuda::Device>(GENERATE(1, 5, 67, 600));
}

TEST_CASE("without rows a linear layer on a GPU writes nothing", "[cuda][linear]") {
  check_linear_without_rows<cuda::Device>();
}

TEMPLATE_TEST_CASE_SIG("logits come in float from what a GPU stores smaller", "[cuda][linear][odd]",
                       ((int N, int K), N, K), (1, 1), (3, 7), (264, 32)) {
  const std::int64_t rows = GENERATE(1, 2, 67);
  const LinearNumbers in(N, K, rows, factors<Bf16>);
  cuda::Device device;
  auto x = put<bf16>(device, in.x), w = put<bf16>(device, in.w), bias = put<bf16>(device, in.bias),
       residual = put<bf16>(device, in.residual);
  OnDevice<float> alone(device, rows * N), with_all(device, rows * N);
  const Rows<const bf16, K> of_x{x, rows};
  cuda::linear_forward<Bf16, N, K>(device, Rows<float, N>{alone, rows}, of_x, w, nullptr, nullptr);
  cuda::linear_forward<Bf16, N, K>(device, Rows<float, N>{with_all, rows}, of_x, w, bias, residual);
  CHECK(close(alone.floats(), in.y().value, in.y().scale, 4e-7));
  CHECK(close(with_all.floats(), in.y_with_all().value, in.y_with_all().scale, 4e-7));
}

TEST_CASE("a product's rows may lie more than 2^31 elements apart", "[cuda][matmul][odd]") {
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
