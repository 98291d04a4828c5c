// tests/cuda/cross_entropy_test.cpp — head and loss as they are queued for a GPU, against double precision, with any
// part of the tokens masked.
#include "cuda/far_memory.hpp"
#include "cuda/on_device.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference.hpp"

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

// Every `every`-th token is trained.
std::vector<std::int32_t> some_targets(std::int64_t n, int every, int vocab) {
  std::vector<std::int32_t> targets(static_cast<std::size_t>(n), -1);
  for (std::size_t t = 0; t < targets.size(); t += static_cast<std::size_t>(every))
    targets[t] = static_cast<std::int32_t>(t * 7919 % static_cast<std::size_t>(vocab));
  return targets;
}

struct Answer {
  std::vector<float> losses, dx, dw, best;
};

template <class Head, class Tile = cuda::CrossEntropyTile<Head::V>>
Answer forward_backward(const std::vector<float>& x, const std::vector<std::int32_t>& targets,
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
  return {losses.floats(), dx.floats(), dw.floats(), best.floats()};
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("losses and gradients on a GPU are the formula's, whatever is masked", "[cuda][cross_entropy]",
                        Heads) {
  using T = typename TestType::T;
  constexpr int V = TestType::V, C = TestType::C;
  const auto [n, every] = GENERATE(std::pair<int, int>{1, 1}, std::pair<int, int>{65, 1}, std::pair<int, int>{110, 7});
  const auto x = stored_as<T>(random_floats(n * C, "x")), w = stored_as<T>(random_floats(V * C, "w"));
  const auto dw = random_floats(V * C, "dw");
  const std::vector<std::int32_t> targets = some_targets(n, every, V);
  CrossEntropy want = cross_entropy(V, C, x, targets, w, 0.25);
  for (std::int64_t i = 0; i < V * C; ++i) want.dw.add(i, dw[static_cast<std::size_t>(i)]);

  CAPTURE(n, every, V, C);
  const auto check = [&](const Answer& got) {
    // dlogits is rounded to the network's type, and so is dx.
    const double of_gradients = 1e-6 + rounding<T>;
    CHECK(close(got.losses, want.losses.value, want.losses.scale, 1e-6));
    CHECK(close(got.dx, want.dx.value, want.dx.scale, of_gradients + rounding<T>));
    CHECK(close(got.dw, want.dw.value, want.dw.scale, of_gradients));
    CHECK(got.best == std::vector<float>(want.best.begin(), want.best.end()));
  };
  check(forward_backward<TestType>(x, targets, w, dw, 0.25f));
  check(forward_backward<TestType, SmallTile<V>>(x, targets, w, dw, 0.25f));
}

TEST_CASE("nothing to train on a GPU gives no loss and no gradient", "[cuda][cross_entropy]") {
  using Small = Head<Bf16, 97, 40>;
  const std::int64_t n = 70;
  // Not a number anywhere must get through.
  const std::vector<float> x(static_cast<std::size_t>(n) * 40, std::numeric_limits<float>::quiet_NaN());
  const auto w = random_floats(97 * 40, "w"), dw = random_floats(97 * 40, "dw");
  const std::vector<std::int32_t> masked(static_cast<std::size_t>(n), -1);
  const Answer got = forward_backward<Small>(x, masked, w, dw, 1.0f);
  CHECK(got.losses == std::vector<float>(static_cast<std::size_t>(n), 0.0f));
  CHECK(got.best == std::vector<float>(static_cast<std::size_t>(n), -1.0f));
  CHECK(got.dx == std::vector<float>(x.size(), 0.0f));
  CHECK(same_bits(got.dw, dw));
}

TEST_CASE("a masked token's numbers reach nobody else's on a GPU", "[cuda][cross_entropy]") {
  using Small = Head<Fp32, 97, 36>;
  const std::int64_t n = 90;
  const std::vector<std::int32_t> targets = some_targets(n, 3, 97);
  auto x = random_floats(n * 36, "x");
  const auto w = random_floats(97 * 36, "w"), dw = random_floats(97 * 36, "dw");
  const Answer clean = forward_backward<Small>(x, targets, w, dw, 1.0f);
  for (std::size_t t = 0; t < targets.size(); ++t)
    if (targets[t] < 0)
      std::fill_n(x.begin() + static_cast<std::ptrdiff_t>(t * 36), 36, std::numeric_limits<float>::quiet_NaN());
  const Answer dirty = forward_backward<Small>(x, targets, w, dw, 1.0f);
  CHECK(same_bits(clean.losses, dirty.losses));
  CHECK(same_bits(clean.dx, dirty.dx));
  CHECK(same_bits(clean.dw, dirty.dw));
}

TEST_CASE("the likeliest token on a GPU is the first of the greatest logits", "[cuda][cross_entropy]") {
  constexpr int V = 570, C = 4;
  std::vector<float> w(V * C, 0.0f);
  w[3 * C] = 2, w[541 * C] = 2, w[569 * C + 1] = 5;
  const std::vector<float> x{1, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0, 7, 7, 0, 0};
  const Answer got = forward_backward<Head<Fp32, V, C>>(x, {0, 1, 2, -1}, w, std::vector<float>(V * C, 0.0f), 1.0f);
  CHECK(got.best == std::vector<float>{3, 569, 0, -1});
}

TEST_CASE("logits of any size on a GPU neither overflow nor hide a NaN", "[cuda][cross_entropy]") {
  constexpr int V = 33, C = 4;
  std::vector<float> w(V * C, 0.0f);
  for (int v = 0; v < V; ++v) w[static_cast<std::size_t>(v * C)] = static_cast<float>(v);
  const std::vector<float> x{1000, 0, 0, 0, -1000, 0, 0, 0, std::numeric_limits<float>::quiet_NaN(), 0, 0, 0};
  const Answer got = forward_backward<Head<Fp32, V, C>>(x, {32, 32, 0}, w, std::vector<float>(V * C, 0.0f), 1.0f);
  CHECK(got.losses[0] == 0.0f);
  CHECK(got.losses[1] == 32000.0f);
  CHECK(std::isnan(got.losses[2]));
  CHECK(got.dx[0] == 0.0f);
  CHECK(got.dx[C] == -32.0f);
  CHECK(std::isnan(got.dx[2 * C]));
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
