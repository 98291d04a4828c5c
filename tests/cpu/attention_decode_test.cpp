// tests/cpu/attention_decode_test.cpp — attention of one token on the CPU.
#include "cases/attention.hpp"
#include "cpu/alike.hpp"

#include <longsky/cpu/attention_decode.hpp>

using namespace longsky;
using namespace longsky::test;

template <class Mask, int H, int KV, int D>
using Case = AttentionCase<Mask, H, KV, D>;

TEMPLATE_TEST_CASE("one token at a time gives what the whole sequence gives", "[attention]", (Case<Causal, 4, 2, 64>),
                   (Case<SlidingWindow<700>, 2, 1, 16>), (Case<SameParity, 2, 2, 32>)) {
  TestType::template check_decode<cpu::Device>(GENERATE(1, 2, 17, 512, 513, 1100));
}
