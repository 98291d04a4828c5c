// tests/cpu/cross_entropy_test.cpp — head and loss on the CPU.
#include "cases/cross_entropy.hpp"
#include "cpu/alike.hpp"

#include <longsky/cpu/cross_entropy.hpp>

#include <tuple>
#include <utility>

using namespace longsky;
using namespace longsky::test;

template <class Precision, int V, int C>
using Head = CrossEntropyCase<Precision, V, C>;
using Heads = std::tuple<Head<Fp32, 1, 1>, Head<Fp32, 97, 33>, Head<Fp32, 611, 48>, Head<Bf16, 2, 1>,
                         Head<Bf16, 97, 33>, Head<Bf16, 515, 48>>;

TEMPLATE_LIST_TEST_CASE("losses and gradients are the formula's, whatever is masked", "[cross_entropy]", Heads) {
  const auto [n, every] = GENERATE(std::pair(1, 1), std::pair(65, 1), std::pair(150, 7));
  TestType::template check_formula<cpu::Device>(n, every);
}

TEMPLATE_LIST_TEST_CASE("any number of threads gives the same bits, over several groups of tokens", "[cross_entropy]",
                        Heads) {
  constexpr int V = TestType::V, C = TestType::C, n = 1300;
  const auto got = TestType::template compute<cpu::Device>(random_floats(n * C, "x"), some_targets(n, 2, V),
                                                           random_floats(V * C, "w"), random_floats(V * C, "dw"), 1.0f);
  CHECK((got.losses[0] > 0) == (V > 1));
}

TEST_CASE("tokens in several groups add up", "[cross_entropy]") {
  const auto [n, every] = GENERATE(std::pair(1111, 1), std::pair(1300, 2));
  Head<Fp32, 19, 8>::check_formula<cpu::Device>(n, every);
  Head<Bf16, 97, 33>::check_formula<cpu::Device>(n, every);
}

TEST_CASE("nothing to train gives no loss and no gradient", "[cross_entropy]") {
  Head<Fp32, 97, 33>::check_nothing_trained<cpu::Device>();
}
TEST_CASE("a masked token's numbers reach nobody else's", "[cross_entropy]") {
  Head<Fp32, 97, 33>::check_masked_tokens_stay_apart<cpu::Device>();
}
TEST_CASE("the likeliest token is the first of the greatest logits", "[cross_entropy]") {
  Head<Fp32, 70, 2>::check_likeliest<cpu::Device>();
}
TEST_CASE("logits of any size neither overflow nor hide a NaN", "[cross_entropy]") {
  Head<Fp32, 33, 1>::check_extreme_logits<cpu::Device>();
}
TEST_CASE("the gradients are the slopes of the loss", "[cross_entropy]") {
  Head<Fp32, 7, 5>::check_slopes<cpu::Device>();
}
