// tests/spec/position_test.cpp — rotary frequencies against golden values in double precision, and the table's angles.
#include "support/catch.hpp"

#include <longsky/spec/cost.hpp>
#include <longsky/spec/position.hpp>

#include <cmath>
#include <numbers>
#include <vector>

using namespace longsky;

TEST_CASE("frequencies of the plain and the stretched embeddings", "[spec][position]") {
  const auto near = [](double x) { return Approx(x).epsilon(1e-9); };
  const RopeSpec plain{.base = 1e4};
  CHECK(inverse_frequency(plain, 128, 0) == near(1));
  CHECK(inverse_frequency(plain, 128, 1) == near(8.659643234e-1));
  CHECK(inverse_frequency(plain, 128, 32) == near(1e-2));
  CHECK(inverse_frequency(plain, 128, 63) == near(1.154781985e-4));
  const RopeSpec linear{.base = 1e4, .scaling = RopeScaling::linear, .factor = 8};
  CHECK(inverse_frequency(linear, 128, 1) == near(1.082455404e-1));
  CHECK(inverse_frequency(linear, 128, 63) == near(1.443477481e-5));
  const RopeSpec ntk{.base = 1e4, .scaling = RopeScaling::ntk_aware, .factor = 8};
  CHECK(inverse_frequency(ntk, 128, 0) == near(1));
  CHECK(inverse_frequency(ntk, 128, 1) == near(8.378480019e-1));
  CHECK(inverse_frequency(ntk, 128, 32) == near(3.477664048e-3));
  CHECK(inverse_frequency(ntk, 128, 63) == near(1.443477481e-5));  // the slowest pair is interpolated exactly
}

TEST_CASE("the table's angles hold at a position of 200,000", "[spec][position]") {
  const RopeSpec rope{.base = 5e5};
  constexpr int D = 16;
  constexpr std::size_t positions = 200'001;
  std::vector<float> table(positions * D);
  fill_rope_table(table, rope, D);
  for (std::size_t p : {std::size_t{0}, std::size_t{257}, std::size_t{65'537}, std::size_t{200'000}})
    for (int i = 0; i < D / 2; ++i) {
      const double angle = static_cast<double>(p) * inverse_frequency(rope, D, i);
      CHECK(std::abs(table[p * D + static_cast<std::size_t>(i)] - std::cos(angle)) < 1e-7);
      CHECK(std::abs(table[p * D + D / 2 + static_cast<std::size_t>(i)] - std::sin(angle)) < 1e-7);
    }
}

namespace {
// Skywork-13B's shape: 52 layers of 4608, 36 heads, 12288 inner, 65536 tokens, two embeddings: 13.85 billion.
constexpr ModelSpec skywork{.vocab = 65'536, .layers = 52, .width = 4608, .heads = 36, .kv_heads = 36, .ffn = 12'288, .context = 200'000};
static_assert(parameters(skywork) > 13'840'000'000 && parameters(skywork) < 13'860'000'000);
// 6 per parameter and token where every token has a loss, and 7 T^2 D per head for attention, at 64 bits.
constexpr Flops step = training_flops(skywork, 1, 200'000, 200'000);
static_assert(step.body == 6.0 * 200'000 * 52 * block_matrix_parameters(skywork));
static_assert(step.attention == 7.0 * 200'000.0 * 200'000.0 * 4608 * 52);
static_assert(step.total() > forward_flops(skywork, 1, 200'000, 200'000).total() * 3);
}  // namespace
