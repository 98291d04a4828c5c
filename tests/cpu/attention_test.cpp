// tests/cpu/attention_test.cpp — attention on the CPU.
#include "cases/attention.hpp"
#include "cpu/alike.hpp"

#include <longsky/cpu/attention.hpp>
#include <longsky/cpu/attention_bounds.hpp>

#include <tuple>

using namespace longsky;
using namespace longsky::test;

template <class Mask, int H, int KV, int D>
using Case = AttentionCase<Mask, H, KV, D>;
using Cases = std::tuple<Case<Causal, 2, 2, 16>, Case<SlidingWindow<37>, 2, 1, 32>, Case<WithinDocument<>, 4, 1, 32>,
                         Case<WithinDocument<SlidingWindow<40>>, 2, 1, 48>, Case<SameParity, 2, 2, 32>,
                         Case<SinksAndWindow<10, 30>, 2, 1, 16>>;

TEMPLATE_LIST_TEST_CASE("attention is its formula at every length", "[attention]", Cases) {
  const int T = GENERATE(1, 2, 15, 33, 48, 97, 300);
  TestType::template check_formula<cpu::Device>(T < 90 ? 3 : 1, T);
}

TEST_CASE("attention is its formula past the tile of queries", "[attention]") {
  Case<Causal, 2, 1, 64>::check_formula<cpu::Device>(1, 500);
}

TEST_CASE("attention is its formula where scores are in the hundreds", "[attention]") {
  Case<Causal, 2, 2, 16>::check_formula<cpu::Device>(1, 300, 900.0f);
}

TEST_CASE("attention's gradients are the differences of its formula", "[attention]") {
  Case<Causal, 2, 2, 16>::check_gradients<cpu::Device>();
}

TEST_CASE("a document's attention does not change by a bit when another document does", "[attention]") {
  Case<WithinDocument<>, 4, 1, 32>::check_documents_stay_apart<cpu::Device>(GENERATE(2, 3, 6));
}

TEST_CASE("a NaN in a query reaches its own output and no other", "[attention]") {
  Case<Causal, 2, 2, 16>::check_nan_stays<cpu::Device>();
}
