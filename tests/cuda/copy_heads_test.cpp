// tests/cuda/copy_heads_test.cpp — rows that move to a cache on a GPU.
#include "cases/copy_heads.hpp"
#include "cuda/on_device.hpp"

#include <longsky/cuda/copy_heads.cuh>

namespace longsky::test {

TEMPLATE_TEST_CASE("rows of every head move on a GPU", "[cuda][copy_heads][smoke]", float, bf16) {
  check_copy_heads<cuda::Device, TestType>();
}

}  // namespace longsky::test
