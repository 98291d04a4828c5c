// tests/cpu/swiglu_test.cpp — the gated unit on the CPU.
#include "cases/swiglu.hpp"
#include "cpu/alike.hpp"

#include <longsky/cpu/swiglu.hpp>

using namespace longsky;
using namespace longsky::test;

TEMPLATE_TEST_CASE_SIG("swiglu is its formula, whatever the width", "[swiglu]", ((int F), F), 1, 5, 16, 100, 256) {
  SwigluCases::check_forward<cpu::Device, float, F>(GENERATE(1, 3, 300));
}

TEMPLATE_TEST_CASE_SIG("swiglu's gradient is the differences of its formula, in place too", "[swiglu]", ((int F), F), 5,
                       16, 21) {
  SwigluCases::check_gradients<cpu::Device, float, F>();
}

TEST_CASE("swiglu stays finite at large gates", "[swiglu]") { SwigluCases::check_large_gates<cpu::Device>(); }
