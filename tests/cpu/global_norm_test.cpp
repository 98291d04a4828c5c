// tests/cpu/global_norm_test.cpp — sums over many numbers on the CPU.
#include "cases/global_norm.hpp"
#include "cpu/alike.hpp"

#include <longsky/cpu/fill_zero.hpp>
#include <longsky/cpu/global_norm.hpp>

using namespace longsky;
using namespace longsky::test;

TEST_CASE("the sum of squares is exact to double, for any number of threads", "[global_norm]") {
  GlobalNormCases::check_squares<cpu::Device, float>(GENERATE(0, 1, 15, 16, 17, 16'384, 16'385, 100'003));
}

TEST_CASE("the sum of squares neither overflows nor hides what is not finite", "[global_norm]") {
  GlobalNormCases::check_extremes<cpu::Device>();
}

TEST_CASE("a sum goes on top of what is there", "[global_norm]") {
  GlobalNormCases::check_sum<cpu::Device>(GENERATE(1, 17, 40'001));
}

TEST_CASE("zeroed memory is zero", "[global_norm]") {
  GlobalNormCases::check_fill_zero<cpu::Device, float>(GENERATE(0, 1, 40'001));
}

TEST_CASE("the sum of squares where the host reads it", "[global_norm]") {
  cpu::Device device(2);
  CHECK(sum_of_squares(device, std::vector<float>{1, 2, 3, -4}) == 30);
}
