// tests/cuda/attention_decode_test.cpp — attention of one token on a GPU.
#include "cases/attention.hpp"
#include "cuda/on_device.hpp"

#include <longsky/cuda/attention_decode.cuh>

namespace longsky::test {

namespace {

template <class Mask, int H, int KV, int D, class T = bf16>
using Case = AttentionCase<Mask, H, KV, D, T>;

}  // namespace

TEMPLATE_TEST_CASE("attention of one token on a GPU gives what the whole sequence gives", "[cuda][attention][smoke]",
                   (Case<Causal, 2, 1, 64>), (Case<SlidingWindow<70>, 4, 2, 32>), (Case<Causal, 2, 2, 128, float>),
                   (Case<Causal, 1, 1, 16, float>), (Case<Causal, 2, 1, 48, float>), (Case<SameParity, 2, 2, 32>)) {
  TestType::template check_decode<cuda::Device>(GENERATE(1, 5, 256, 257, 700));
}

TEST_CASE("attention of one token on a GPU has larger chunks of a longer cache", "[cuda][attention]") {
  Case<Causal, 1, 1, 16, float>::check_decode<cuda::Device>(17'000);
}

}  // namespace longsky::test
