// tests/cpu/cross_entropy_test.cpp — head and loss against double precision, with any part of the tokens masked.
#include <longsky/cpu/cross_entropy.hpp>

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/cross_entropy_cases.hpp"
#include "support/reference.hpp"

#include <limits>
#include <tuple>
#include <vector>

using namespace longsky;
using namespace longsky::test;

namespace {

template <class PrecisionPolicy, int Vocab, int Width>
struct Head {
  using Precision = PrecisionPolicy;
  static constexpr int V = Vocab, C = Width;
};
using Heads = std::tuple<Head<Fp32, 1, 1>, Head<Fp32, 97, 33>, Head<Fp32, 611, 48>, Head<Bf16, 2, 1>,
                         Head<Bf16, 97, 33>, Head<Bf16, 515, 48>>;

template <class Head>
CrossEntropyAnswer forward_backward(int threads, const std::vector<float>& x, const std::vector<std::int32_t>& targets,
                                    const std::vector<float>& w, const std::vector<float>& dw_before, float scale) {
  constexpr int V = Head::V, C = Head::C;
  const auto n = static_cast<std::int64_t>(targets.size());
  cpu::Device device(threads);
  for (const cpu::Scratch use : {cpu::Scratch::packed_a, cpu::Scratch::packed_b, cpu::Scratch::logits})
    std::fill_n(device.scratch(use, 1 << 18), 1 << 18, std::numeric_limits<float>::quiet_NaN());
  Guarded losses(n), dx(n * C), dw(dw_before);
  cpu::cross_entropy_forward_backward<typename Head::Precision, V, C>(device, losses.data(), {dx.data(), n}, dw.data(),
                                                                      {x.data(), n}, targets, w.data(), scale);
  CHECK((losses.intact() && dx.intact() && dw.intact()));

  Guarded losses_alone(n);
  std::vector<std::int32_t> best(targets.size(), -7);
  cpu::cross_entropy_forward<typename Head::Precision, V, C>(device, losses_alone.data(), best.data(), {x.data(), n},
                                                             targets, w.data());
  CHECK(losses_alone.intact());
  CHECK(same_bits(losses.vector(), losses_alone.vector()));
  return {losses.vector(), dx.vector(), dw.vector(), best};
}

template <class Head>
CrossEntropyAnswer on_one_thread(const std::vector<float>& x, const std::vector<std::int32_t>& targets,
                                 const std::vector<float>& w, const std::vector<float>& dw, float scale) {
  return forward_backward<Head>(1, x, targets, w, dw, scale);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("losses and gradients are the formula's, whatever is masked", "[cross_entropy]", Heads) {
  using Precision = typename TestType::Precision;
  constexpr int V = TestType::V, C = TestType::C;
  const auto [n, every] = GENERATE(std::pair<int, int>{1, 1}, std::pair<int, int>{65, 1}, std::pair<int, int>{150, 7});
  CAPTURE(n, every, V, C);
  // The gradients of the head are products of rounded factors where the precision says so: 2^-9 each way.
  const double error = Precision::rounds_factors ? 4e-3 : 1e-6;
  check_cross_entropy(V, C, n, every, {error, error}, factors<Precision>, on_one_thread<TestType>);
}

TEMPLATE_LIST_TEST_CASE("any number of threads gives the same bits, over several groups of tokens", "[cross_entropy]",
                        Heads) {
  constexpr int V = TestType::V, C = TestType::C;
  const std::int64_t n = 1300;
  const auto x = random_floats(n * C, "x"), w = random_floats(V * C, "w"), dw = random_floats(V * C, "dw");
  const std::vector<std::int32_t> targets = some_targets(n, 2, V);
  const CrossEntropyAnswer one = forward_backward<TestType>(1, x, targets, w, dw, 1.0f);
  for (const int threads : {2, 3, 8}) {
    const CrossEntropyAnswer more = forward_backward<TestType>(threads, x, targets, w, dw, 1.0f);
    CHECK(same_bits(one.losses, more.losses));
    CHECK(same_bits(one.dx, more.dx));
    CHECK(same_bits(one.dw, more.dw));
  }
}

TEST_CASE("tokens in several groups add up", "[cross_entropy]") {
  using Small = Head<Fp32, 19, 8>;
  const std::int64_t n = 1111;
  const auto x = random_floats(n * 8, "x"), w = random_floats(19 * 8, "w");
  const std::vector<float> dw(19 * 8, 0.0f);
  const CrossEntropy want = cross_entropy(19, 8, x, some_targets(n, 1, 19), w, 1.0);
  const CrossEntropyAnswer got = forward_backward<Small>(2, x, some_targets(n, 1, 19), w, dw, 1.0f);
  CHECK(close(got.losses, want.losses.value, want.losses.scale, 1e-6));
  CHECK(close(got.dx, want.dx.value, want.dx.scale, 1e-6));
  CHECK(close(got.dw, want.dw.value, want.dw.scale, 1e-6));
}

TEST_CASE("nothing to train gives no loss and no gradient", "[cross_entropy]") {
  check_nothing_trained(97, 33, on_one_thread<Head<Fp32, 97, 33>>);
}
TEST_CASE("a masked token's numbers reach nobody else's", "[cross_entropy]") {
  check_masked_tokens_stay_apart(97, 33, on_one_thread<Head<Fp32, 97, 33>>);
}
TEST_CASE("the likeliest token is the first of the greatest logits", "[cross_entropy]") {
  check_likeliest(70, 2, on_one_thread<Head<Fp32, 70, 2>>);
}
TEST_CASE("logits of any size neither overflow nor hide a NaN", "[cross_entropy]") {
  check_extreme_logits(1, on_one_thread<Head<Fp32, 33, 1>>);
}

TEST_CASE("the gradients are the slopes of the loss", "[cross_entropy]") {
  constexpr int V = 7, C = 5;
  const std::int64_t n = 3;
  const auto x = random_floats(n * C, "x"), w = random_floats(V * C, "w");
  const std::vector<std::int32_t> targets{6, -1, 2};
  const CrossEntropyAnswer got =
      forward_backward<Head<Fp32, V, C>>(1, x, targets, w, std::vector<float>(V * C, 0.0f), 2.0f);
  const auto loss = [&](const std::vector<float>& at_x, const std::vector<float>& at_w) {
    const CrossEntropy e = cross_entropy(V, C, at_x, targets, at_w, 1.0);
    return 2.0 * (e.losses[0] + e.losses[1] + e.losses[2]);
  };
  const float h = 0x1p-10f;
  for (std::size_t i = 0; i < x.size(); ++i) {
    auto up = x, down = x;
    up[i] += h, down[i] -= h;
    CHECK(std::abs((loss(up, w) - loss(down, w)) / (double{up[i]} - double{down[i]}) - got.dx[i]) < 1e-5);
  }
  for (std::size_t i = 0; i < w.size(); ++i) {
    auto up = w, down = w;
    up[i] += h, down[i] -= h;
    CHECK(std::abs((loss(x, up) - loss(x, down)) / (double{up[i]} - double{down[i]}) - got.dw[i]) < 1e-5);
  }
}
