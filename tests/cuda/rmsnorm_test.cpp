// tests/cuda/rmsnorm_test.cpp — the norm on a GPU.
#include "cases/rmsnorm.hpp"
#include "cuda/on_device.hpp"

#include <longsky/cuda/rmsnorm.cuh>

namespace longsky::test {

TEMPLATE_TEST_CASE_SIG("rmsnorm on a GPU is its formula", "[cuda][rmsnorm][smoke]", ((class T, int C), T, C),
                       (float, 16), (float, 128), (float, 1100), (bf16, 16), (bf16, 512)) {
  RmsnormCases::check_forward<cuda::Device, T, C>(GENERATE(1, 7, 70));
}

TEMPLATE_TEST_CASE("rmsnorm's gradients on a GPU are the differences of the formula", "[cuda][rmsnorm][smoke]", float,
                   bf16) {
  RmsnormCases::check_gradients<cuda::Device, TestType>();
}

TEST_CASE("rmsnorm's weight gradient on a GPU sums over many blocks, in one order", "[cuda][rmsnorm]") {
  RmsnormCases::check_many_rows<cuda::Device>(3001);  // more rows than the warps of the most blocks
}

TEST_CASE("rmsnorm of a row of zeros on a GPU is zero, and so is its gradient's share", "[cuda][rmsnorm]") {
  RmsnormCases::check_zeros<cuda::Device>();
}

}  // namespace longsky::test
