// eval/generate_test.cpp — generation says what reading at once would; what does not fit is a sentence.
#include "support/catch.hpp"
#include "train/small_recipe.hpp"

#include <longsky/eval/generate.hpp>

#include <cmath>
#include <numeric>
#include <vector>

using namespace longsky;
using namespace longsky::test;
using Catch::Matchers::Contains;

namespace {

constexpr RopeSpec rope{.base = 1000};
constexpr int capacity = 48;
using SmallReader = Reader<SmallRecipe, cpu::Device>;

std::vector<std::int32_t> some_tokens(int n, std::uint64_t index) {
  Random random(1, stream_of("prompt"), index);
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(n));
  for (auto& token : tokens) token = static_cast<std::int32_t>(random.below(64));
  return tokens;
}

}  // namespace

TEST_CASE("greedy generation is the argmax of reading the whole text at once", "[generate]") {
  cpu::Device device(2);
  Weights<SmallRecipe> weights(5);
  SmallReader reader(device, weights.span(), rope, capacity);
  for (int length : {1, 7, 20}) {
    std::vector<std::int32_t> text = some_tokens(length, 3);
    auto logits = reader.read(text);
    while (static_cast<int>(text.size()) < capacity) {
      text.push_back(greedy(logits));
      logits = reader.append(text.back());
    }
    CHECK(reader.length() == capacity);

    Decoder<NetOf<SmallRecipe, FinalMask<SmallRecipe>>, cpu::Device> decoder(device, capacity, rope, capacity + 1);
    std::vector<std::int32_t> next(text.begin() + 1, text.end()), positions(capacity), documents(capacity),
        best(capacity);
    next.push_back(0);
    std::iota(positions.begin(), positions.end(), 0);
    decoder.forward(weights.span(), {text, next, documents, positions, capacity, nullptr}, best.data());
    for (std::size_t t = static_cast<std::size_t>(length); t < text.size(); ++t) CHECK(best[t - 1] == text[t]);
  }
}

TEST_CASE("what is taken back was never read", "[generate]") {
  cpu::Device device(1);
  Weights<SmallRecipe> weights(6);
  SmallReader reader(device, weights.span(), rope, capacity);
  const auto copy = [](std::span<const float> logits) { return copy_of(logits); };
  reader.read(some_tokens(12, 1));
  const std::vector<float> straight = copy(reader.append(9));
  reader.append(10);
  reader.append(11);
  reader.rewind(12);
  CHECK(reader.length() == 12);
  CHECK(copy(reader.append(9)) == straight);
  reader.rewind(30);  // forward is nowhere
  CHECK(reader.length() == 13);
  reader.read(some_tokens(5, 2));
  CHECK(reader.length() == 5);
}

TEST_CASE("prompts and tokens that do not fit are sentences, and cost nothing", "[generate]") {
  cpu::Device device(1);
  Weights<SmallRecipe> weights(7);
  SmallReader reader(device, weights.span(), rope, capacity);
  CHECK_THROWS_WITH(reader.read({}), Contains("1 to 48 tokens") && Contains("has 0"));
  CHECK_THROWS_WITH(reader.read(some_tokens(49, 1)), Contains("1 to 48 tokens") && Contains("has 49"));
  const std::vector<std::int32_t> outside = {3, 64};
  CHECK_THROWS_WITH(reader.read(outside), Contains("token 64 is outside the vocabulary of 64"));
  reader.read(some_tokens(48, 1));
  CHECK_THROWS_WITH(reader.append(1), Contains("context of 48 tokens is full"));
  reader.rewind(47);
  CHECK_THROWS_WITH(reader.append(-1), Contains("token -1"));
  CHECK(reader.length() == 47);
  reader.append(1);
  CHECK(reader.length() == 48);
}

TEST_CASE("log-probabilities are those of the softmax, also of large logits", "[generate]") {
  const std::vector<float> logits = {1000, 1001, 999.5f};
  double total = 0;
  for (std::int32_t token = 0; token < 3; ++token) total += std::exp(log_probability(logits, token));
  CHECK(total == Approx(1));
  CHECK(log_probability(logits, 1) - log_probability(logits, 0) == Approx(1));
}

TEST_CASE("sampling follows the temperature", "[generate]") {
  const std::vector<float> logits = {0, 1, 2};
  const auto share = [&](double temperature) {
    Random random(1, 2, 3);
    int hits = 0;
    for (int i = 0; i < 4000; ++i) hits += sampled(logits, temperature, random) == 2;
    return hits / 4000.0;
  };
  CHECK(share(0) == 1);
  CHECK(share(1) == Approx(std::exp(2.0) / (1 + std::exp(1.0) + std::exp(2.0))).margin(0.03));
  CHECK(share(100) == Approx(1.0 / 3).margin(0.03));
  CHECK(share(0.1) > 0.99);
}
