// tests/cuda/cross_entropy_test.cpp — head and loss as they are queued for a GPU.
#include "cases/cross_entropy.hpp"
#include "cuda/far_memory.hpp"
#include "cuda/on_device.hpp"

#include <longsky/cuda/cross_entropy.cuh>

#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

namespace longsky::test {

/// Several tiles, and several rounds of a block over a row.
struct InSmallTiles {
  template <int V>
  struct Tile : cuda::CrossEntropyTile<V> {
    static constexpr int threads = 64;
    static constexpr std::int64_t tokens = 32;
  };
  template <class Precision, int V, int C, class... Arguments>
  static void forward_backward(Arguments&&... arguments) {
    cuda::cross_entropy_forward_backward<Precision, V, C, Tile<V>>(arguments...);
  }
  template <class Precision, int V, int C, class... Arguments>
  static void forward(Arguments&&... arguments) {
    cuda::cross_entropy_forward<Precision, V, C, Tile<V>>(arguments...);
  }
};

namespace {

template <class Precision, int V, int C, class Passes = AsShipped>
using Head = CrossEntropyCase<Precision, V, C, Passes>;
using Heads =
    std::tuple<Head<Fp32, 97, 36>, Head<Fp32, 611, 48>, Head<Bf16, 97, 40>, Head<Bf16, 1515, 16>,
               Head<Fp32, 611, 48, InSmallTiles>, Head<Bf16, 97, 40, InSmallTiles>, Head<Bf16, 1515, 16, InSmallTiles>>;
using OddHeads = std::tuple<Head<Fp32, 1, 4>, Head<Bf16, 2, 8>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("losses and gradients on a GPU are the formula's, whatever is masked",
                        "[cuda][cross_entropy][smoke]", Heads) {
  const auto [n, every] = GENERATE(std::pair<int, int>{1, 1}, std::pair<int, int>{65, 1}, std::pair<int, int>{110, 7});
  TestType::template check_formula<cuda::Device>(n, every);
}
TEMPLATE_LIST_TEST_CASE("losses and gradients on a GPU are the formula's with hardly a token to choose from",
                        "[cuda][cross_entropy][odd]", OddHeads) {
  const auto [n, every] = GENERATE(std::pair<int, int>{1, 1}, std::pair<int, int>{65, 1}, std::pair<int, int>{110, 7});
  TestType::template check_formula<cuda::Device>(n, every);
}

TEST_CASE("nothing to train on a GPU gives no loss and no gradient", "[cuda][cross_entropy]") {
  Head<Bf16, 97, 40>::check_nothing_trained<cuda::Device>();
}
TEST_CASE("a masked token's numbers reach nobody else's on a GPU", "[cuda][cross_entropy]") {
  Head<Fp32, 97, 36>::check_masked_tokens_stay_apart<cuda::Device>();
}
TEST_CASE("the likeliest token on a GPU is the first of the greatest logits", "[cuda][cross_entropy]") {
  Head<Fp32, 570, 4>::check_likeliest<cuda::Device>();
}
TEST_CASE("logits of any size on a GPU neither overflow nor hide a NaN", "[cuda][cross_entropy]") {
  Head<Fp32, 33, 4>::check_extreme_logits<cuda::Device>();
}
TEST_CASE("the gradients on a GPU are the slopes of the loss", "[cuda][cross_entropy]") {
  Head<Fp32, 7, 8>::check_slopes<cuda::Device>();
}

TEMPLATE_TEST_CASE("rows of logits may lie more than 2^31 elements apart", "[cuda][cross_entropy][odd]", float, bf16) {
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

TEST_CASE("a tile has 256 MiB of logits, in 2,048 to 8,192 tokens", "[cuda][cross_entropy]") {
  STATIC_REQUIRE(cuda::CrossEntropyTile<97>::tokens == 8192);
  STATIC_REQUIRE(cuda::CrossEntropyTile<16384>::tokens == 4096);
  STATIC_REQUIRE(cuda::CrossEntropyTile<32000>::tokens == 2048);
  STATIC_REQUIRE(cuda::CrossEntropyTile<128256>::tokens == 2048);
  STATIC_REQUIRE(cuda::CrossEntropyTile<50257>::leading == 50264);
}

}  // namespace longsky::test
