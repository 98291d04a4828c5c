// tests/cpu/rope_test.cpp — rotary positions and the cut into heads on the CPU.
#include "cases/rope.hpp"
#include "cpu/alike.hpp"

#include <longsky/cpu/rope.hpp>

using namespace longsky;
using namespace longsky::test;

TEMPLATE_TEST_CASE("rope cuts and turns as its formula says, and back", "[rope]", (RopeCase<4, 2, 32>),
                   (RopeCase<3, 3, 16>), (RopeCase<4, 1, 48>)) {
  const int B = GENERATE(1, 3), context = GENERATE(1, 130);
  TestType::template check<cpu::Device, float>(B, context);
}
