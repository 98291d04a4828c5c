// tests/cuda/rope_test.cpp — rotary positions and the cut into heads on a GPU.
#include "cases/rope.hpp"
#include "cuda/on_device.hpp"

#include <longsky/cuda/rope.cuh>

namespace longsky::test {

TEMPLATE_TEST_CASE("rope on a GPU cuts and turns as its formula says, and back", "[cuda][rope][smoke]", float, bf16) {
  const int B = GENERATE(1, 3), context = GENERATE(1, 37);
  RopeCase<4, 2, 32>::check<cuda::Device, TestType>(B, context);
  RopeCase<3, 3, 16>::check<cuda::Device, TestType>(B, context);
}

}  // namespace longsky::test
