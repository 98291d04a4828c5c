// tests/cpu/linear_test.cpp — a linear layer and its gradients on the CPU.
#include "cases/linear.hpp"
#include "cpu/alike.hpp"

#include <longsky/cpu/linear.hpp>

#include <tuple>

using namespace longsky;
using namespace longsky::test;

using Layers =
    std::tuple<LinearCase<Fp32, 1, 1>, LinearCase<Fp32, 3, 7>, LinearCase<Fp32, 70, 33>, LinearCase<Fp32, 384, 128>,
               LinearCase<Bf16, 1, 1>, LinearCase<Bf16, 3, 7>, LinearCase<Bf16, 70, 33>, LinearCase<Bf16, 384, 128>>;

TEMPLATE_LIST_TEST_CASE("y = x W^T + bias + residual", "[linear]", Layers) {
  TestType::template check_forward<cpu::Device>(GENERATE(1, 2, 4, 5, 67));
}

TEMPLATE_LIST_TEST_CASE("dx = dy W, dw += dy^T x, dbias += column sums", "[linear]", Layers) {
  TestType::template check_backward<cpu::Device>(GENERATE(1, 5, 67, 600));
}

TEST_CASE("without rows a linear layer writes nothing", "[linear]") { check_linear_without_rows<cpu::Device>(); }
