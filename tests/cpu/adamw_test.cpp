// tests/cpu/adamw_test.cpp — AdamW on the CPU.
#include "cases/adamw.hpp"
#include "cpu/alike.hpp"

#include <longsky/cpu/adamw.hpp>

using namespace longsky;
using namespace longsky::test;

TEST_CASE("adamw is its formula", "[adamw]") {
  AdamWCases::check_formula<cpu::Device>(GENERATE(1, 15, 16, 1000, 40'001));
}

TEST_CASE("adamw's first step moves a weight by the learning rate, decay apart", "[adamw]") {
  AdamWCases::check_first_step<cpu::Device>();
}

TEST_CASE("adamw without a gradient only decays", "[adamw]") { AdamWCases::check_no_gradient<cpu::Device>(); }

TEST_CASE("a step that is to be skipped leaves everything as it is", "[adamw]") {
  AdamWCases::check_skipped<cpu::Device, float>();
}
