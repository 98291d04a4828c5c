// tests/cuda/cross_entropy_test.cpp — head and loss as they are queued for a GPU, against double precision, with any
// part of the tokens masked.
#include "cuda/far_memory.hpp"
#include "cuda/on_device.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/cross_entropy_cases.hpp"

#include <longsky/cuda/cross_entropy.cuh>

#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

namespace longsky::test {

namespace {

template <class PrecisionPolicy, int Vocab, int Width>
struct Head {
  using Precision = PrecisionPolicy;
  using T = cuda::ElementOf<Precision>;
  static constexpr int V = Vocab, C = Width;
};
using Heads = std::tuple<Head<Fp32, 1, 4>, Head<Fp32, 97, 36>, Head<Fp32, 611, 48>, Head<Bf16, 2, 8>,
                         Head<Bf16, 97, 40>, Head<Bf16, 1515, 16>>;

/// Several tiles, and several rounds of a block over a row.
template <int V>
struct SmallTile : cuda::CrossEntropyTile<V> {
  static constexpr int threads = 64;
  static constexpr std::int64_t tokens = 32;
};

template <class Head, class Tile = cuda::CrossEntropyTile<Head::V>>
CrossEntropyAnswer forward_backward(const std::vector<float>& x, const std::vector<std::int32_t>& targets,
                                    const std::vector<float>& w, const std::vector<float>& dw_before, float scale) {
  constexpr int V = Head::V, C = Head::C;
  using Precision = typename Head::Precision;
  using T = typename Head::T;
  const auto n = static_cast<std::int64_t>(targets.size());
  cuda::Device device;
  OnDevice<T> on_x(device, x), on_w(device, w), dx(device, n * C);
  OnDevice<float> losses(device, n), losses_alone(device, n), dw(device, dw_before);
  OnDevice<std::int32_t> on_targets(device, targets), best(device, n);
  const std::span<const std::int32_t> of_targets{on_targets.data(), targets.size()};
  cuda::cross_entropy_forward_backward<Precision, V, C, Tile>(device, losses, Rows<T, C>{dx, n}, dw, {on_x, n},
                                                              of_targets, on_w, scale);
  cuda::cross_entropy_forward<Precision, V, C, Tile>(device, losses_alone, best, Rows<T, C>{on_x, n}, of_targets, on_w);
  CHECK(same_bits(losses.floats(), losses_alone.floats()));
  const std::vector<float> of_best = best.floats();
  return {losses.floats(), dx.floats(), dw.floats(), {of_best.begin(), of_best.end()}};
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("losses and gradients on a GPU are the formula's, whatever is masked", "[cuda][cross_entropy]",
                        Heads) {
  using T = typename TestType::T;
  constexpr int V = TestType::V, C = TestType::C;
  const auto [n, every] = GENERATE(std::pair<int, int>{1, 1}, std::pair<int, int>{65, 1}, std::pair<int, int>{110, 7});
  CAPTURE(n, every, V, C);
  // dlogits is rounded to the network's type, and so is dx.
  const double of_gradients = 1e-6 + rounding<T>;
  const CrossEntropyErrors errors{of_gradients + rounding<T>, of_gradients};
  check_cross_entropy(V, C, n, every, errors, stored_as<T>, forward_backward<TestType>);
  check_cross_entropy(V, C, n, every, errors, stored_as<T>, forward_backward<TestType, SmallTile<V>>);
}

TEST_CASE("nothing to train on a GPU gives no loss and no gradient", "[cuda][cross_entropy]") {
  check_nothing_trained(97, 40, forward_backward<Head<Bf16, 97, 40>>);
}
TEST_CASE("a masked token's numbers reach nobody else's on a GPU", "[cuda][cross_entropy]") {
  check_masked_tokens_stay_apart(97, 36, forward_backward<Head<Fp32, 97, 36>>);
}
TEST_CASE("the likeliest token on a GPU is the first of the greatest logits", "[cuda][cross_entropy]") {
  check_likeliest(570, 4, forward_backward<Head<Fp32, 570, 4>>);
}
TEST_CASE("logits of any size on a GPU neither overflow nor hide a NaN", "[cuda][cross_entropy]") {
  check_extreme_logits(4, forward_backward<Head<Fp32, 33, 4>>);
}

TEMPLATE_TEST_CASE("rows of logits may lie more than 2^31 elements apart", "[cuda][cross_entropy]", float, bf16) {
  using T = TestType;
  constexpr int V = 300;
  using Tile = cuda::CrossEntropyTile<V>;
  constexpr std::int64_t apart = (std::int64_t{1} << 31) + 8;
  FarMemory<float> logits(2 * apart);
  std::vector<float> sure(V, -1000.0f);
  sure[7] = 0;
  logits.write(apart, sure);
  cuda::Device device;
  OnDevice<float> losses(device, 2);
  OnDevice<std::int32_t> best(device, 2), targets(device, std::vector<std::int32_t>{-1, 7});
  cuda::launch(device, {2, Tile::threads}, cuda::kernel::cross_entropy_rows<T, V, Tile, true>, losses.data(),
               best.data(), logits.data(), apart, targets.data(), 2.0f);
  CHECK(losses.floats() == std::vector<float>{0, 0});
  CHECK(best.floats() == std::vector<float>{-1, 7});
  const std::vector<float> row = logits.read(apart, V);  // whose first part holds V gradients in T
  const T* const dlogits = reinterpret_cast<const T*>(row.data());
  for (int v = 0; v < V; ++v) CHECK(static_cast<float>(dlogits[v]) == 0.0f);
}

TEST_CASE("a tile's logits take 256 MiB at most", "[cuda][cross_entropy]") {
  STATIC_REQUIRE(cuda::CrossEntropyTile<32000>::tokens == 2048);
  STATIC_REQUIRE(cuda::CrossEntropyTile<128256>::tokens == 512);
  STATIC_REQUIRE(cuda::CrossEntropyTile<97>::tokens == 8192);
  STATIC_REQUIRE(cuda::CrossEntropyTile<50257>::leading == 50264);
  STATIC_REQUIRE(cuda::CrossEntropyTile<50257>::leading * cuda::CrossEntropyTile<50257>::tokens * 4 <= 256 << 20);
}

}  // namespace longsky::test
