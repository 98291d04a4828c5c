// tests/cpu/copy_heads_test.cpp — rows that move to a cache on the CPU.
#include "cases/copy_heads.hpp"
#include "cpu/alike.hpp"

#include <longsky/cpu/copy_heads.hpp>

using namespace longsky;
using namespace longsky::test;

TEST_CASE("rows of every head move to their place in the other table", "[copy_heads]") {
  check_copy_heads<cpu::Device, float>();
}
