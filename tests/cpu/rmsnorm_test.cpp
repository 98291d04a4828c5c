// tests/cpu/rmsnorm_test.cpp — the norm on the CPU.
#include "cases/rmsnorm.hpp"
#include "cpu/alike.hpp"

#include <longsky/cpu/rmsnorm.hpp>

using namespace longsky;
using namespace longsky::test;

TEMPLATE_TEST_CASE_SIG("rmsnorm is its formula", "[rmsnorm]", ((int C), C), 16, 48, 128, 1024) {
  RmsnormCases::check_forward<cpu::Device, float, C>(GENERATE(1, 7, 200));
}

TEST_CASE("rmsnorm's gradients are the differences of the formula", "[rmsnorm]") {
  RmsnormCases::check_gradients<cpu::Device, float>();
}

TEST_CASE("rmsnorm's weight gradient sums over many chunks of rows, in one order", "[rmsnorm]") {
  RmsnormCases::check_many_rows<cpu::Device>(GENERATE(513, 9000));
}

TEST_CASE("rmsnorm of a row of zeros is zero, and so is its gradient's share", "[rmsnorm]") {
  RmsnormCases::check_zeros<cpu::Device>();
}
