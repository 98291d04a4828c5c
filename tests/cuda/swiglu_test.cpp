// tests/cuda/swiglu_test.cpp — the gated unit on a GPU.
#include "cases/swiglu.hpp"
#include "cuda/on_device.hpp"

#include <longsky/cuda/swiglu.cuh>

namespace longsky::test {

TEMPLATE_TEST_CASE("swiglu on a GPU is its formula", "[cuda][swiglu][smoke]", float, bf16) {
  SwigluCases::check_forward<cuda::Device, TestType, 24>(GENERATE(1, 33));
}

TEMPLATE_TEST_CASE("swiglu's gradient on a GPU is the differences of its formula, in place too",
                   "[cuda][swiglu][smoke]", float, bf16) {
  SwigluCases::check_gradients<cuda::Device, TestType, 24>();
}

TEST_CASE("swiglu on a GPU stays finite at large gates", "[cuda][swiglu]") {
  SwigluCases::check_large_gates<cuda::Device>();
}

}  // namespace longsky::test
