// tests/cuda/attention_test.cpp — attention's kernels on a GPU.
#include "cases/attention.hpp"
#include "cuda/on_device.hpp"

#include <longsky/cuda/attention_atomic.cuh>
#include <longsky/cuda/attention_backward.cuh>
#include <longsky/cuda/attention_bounds.cuh>
#include <longsky/cuda/attention_float.cuh>
#include <longsky/cuda/attention_forward.cuh>

#include <tuple>

namespace longsky::test {

/// Sums in any order.
template <>
struct Alike<cuda::AtomicDevice> {
  template <class F>
  static void each(const F& f) {
    cuda::AtomicDevice device;
    f(device);
  }
};

namespace {

template <class Mask, int H, int KV, int D, class T = bf16>
using Case = AttentionCase<Mask, H, KV, D, T>;
using Cases =
    std::tuple<Case<Causal, 2, 1, 32>, Case<Causal, 2, 2, 64>, Case<Causal, 4, 1, 128>,
               Case<WithinDocument<>, 2, 1, 64>, Case<SlidingWindow<70>, 1, 1, 32>, Case<SameParity, 1, 1, 64>,
               Case<Causal, 2, 1, 16, float>, Case<Causal, 4, 2, 64, float>, Case<WithinDocument<>, 2, 2, 32, float>,
               Case<SlidingWindow<70>, 1, 1, 128, float>, Case<SameParity, 1, 1, 32, float>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("attention on a GPU is its formula at every length", "[cuda][attention][smoke]", Cases) {
  TestType::template check_formula<cuda::Device>(2, GENERATE(1, 17, 64, 150));
}

TEMPLATE_TEST_CASE("attention on a GPU that sums in any order is its formula", "[cuda][attention][smoke]",
                   (Case<Causal, 2, 1, 32>), (Case<WithinDocument<>, 2, 2, 64>), (Case<Causal, 4, 1, 128>),
                   (Case<SameParity, 1, 1, 64>)) {
  TestType::template check_formula<cuda::AtomicDevice>(2, GENERATE(1, 17, 64, 150));
}

TEMPLATE_TEST_CASE("attention on a GPU is its formula where scores are in the hundreds", "[cuda][attention]",
                   (Case<Causal, 2, 1, 32>), (Case<Causal, 2, 1, 32, float>)) {
  TestType::template check_formula<cuda::Device>(1, 300, 900.0f);
}

TEMPLATE_TEST_CASE("attention's gradients on a GPU are the differences of its formula", "[cuda][attention]",
                   (Case<Causal, 2, 1, 32>), (Case<Causal, 2, 1, 16, float>)) {
  TestType::template check_gradients<cuda::Device>();
}

TEMPLATE_TEST_CASE("a document's attention on a GPU does not change by a bit when another document does",
                   "[cuda][attention]", (Case<WithinDocument<>, 2, 1, 64>), (Case<WithinDocument<>, 2, 1, 32, float>)) {
  TestType::template check_documents_stay_apart<cuda::Device>(GENERATE(2, 3, 6));
}

TEMPLATE_TEST_CASE("a NaN in a query on a GPU reaches its own output and no other", "[cuda][attention]",
                   (Case<Causal, 1, 1, 32>), (Case<Causal, 1, 1, 32, float>)) {
  TestType::template check_nan_stays<cuda::Device>();
}

}  // namespace longsky::test
