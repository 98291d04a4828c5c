// eval/perplexity_test.cpp — perplexity by position against the slow way: every prefix read for itself.
#include "support/catch.hpp"
#include "train/small_recipe.hpp"

#include <longsky/eval/generate.hpp>
#include <longsky/eval/perplexity.hpp>

#include <cmath>
#include <vector>

using namespace longsky;
using namespace longsky::test;
using Catch::Matchers::Contains;

namespace {

constexpr RopeSpec trained_at{.base = 1000};

std::vector<std::int32_t> book_of(int tokens) {
  Random random(4, stream_of("book"), 0);
  std::vector<std::int32_t> book(static_cast<std::size_t>(tokens));
  for (auto& token : book) token = static_cast<std::int32_t>(random.below(64));
  return book;
}

PerplexityCurve curve_of(Weights<SmallRecipe>& weights, const std::vector<std::int32_t>& book, int context, int windows,
                         int bins, int threads = 1) {
  cpu::Device device(threads);
  return perplexity_by_position<SmallRecipe>(device, weights.span(), trained_at, book, context, windows, bins, [] {});
}

}  // namespace

TEST_CASE("each bin is the mean over windows of what reading prefix by prefix gives", "[perplexity]") {
  constexpr int context = 20, windows = 3, bins = 5;
  Weights<SmallRecipe> weights(5);
  const std::vector<std::int32_t> book = book_of(3 * 21 + 10);
  const PerplexityCurve curve = curve_of(weights, book, context, windows, bins);

  cpu::Device device(1);
  Reader<SmallRecipe, cpu::Device> reader(device, weights.span(), trained_at, context);
  std::vector<double> want(bins);
  for (int start : {0, 26, 52}) {  // spread over the book: (73 - 21) / 2 apart
    auto logits = reader.read(std::span(book).subspan(static_cast<std::size_t>(start), 1));
    for (int p = 0; p < context; ++p) {
      const std::int32_t next = book[static_cast<std::size_t>(start + p + 1)];
      want[static_cast<std::size_t>(p / 4)] -= log_probability(logits, next) / (4 * windows);
      if (p + 1 < context) logits = reader.append(next);
    }
  }
  REQUIRE(curve.nll_mean.size() == bins);
  CHECK(curve.position_end == std::vector<int>{4, 8, 12, 16, 20});
  for (std::size_t bin = 0; bin < bins; ++bin) CHECK(curve.nll_mean[bin] == Approx(want[bin]).epsilon(1e-5));
}

TEST_CASE("a model that knows nothing has the perplexity of its vocabulary everywhere", "[perplexity]") {
  Weights<SmallRecipe> weights(5);
  std::fill(weights.span().begin(), weights.span().end(), 0.0f);
  for (double nll : curve_of(weights, book_of(400), 64, 24, 16).nll_mean) CHECK(nll == Approx(std::log(64.0)));
}

TEST_CASE("perplexity has the same bits for any number of threads", "[perplexity][threads]") {
  Weights<SmallRecipe> weights(6);
  const std::vector<std::int32_t> book = book_of(400);
  const PerplexityCurve one = curve_of(weights, book, 64, 6, 4);
  for (int threads : {2, 3, 8}) CHECK(curve_of(weights, book, 64, 6, 4, threads).nll_mean == one.nll_mean);
}

TEST_CASE("a short book has fewer windows, one shorter than the context is a sentence", "[perplexity]") {
  Weights<SmallRecipe> weights(7);
  CHECK(curve_of(weights, book_of(65), 64, 24, 4).nll_mean.size() == 4);
  CHECK_THROWS_WITH(curve_of(weights, book_of(64), 64, 24, 4),
                    Contains("has 64 tokens") && Contains("context of 64") && Contains("hold out a longer book"));
}

TEST_CASE("no bin is the mean of nothing", "[perplexity]") {
  Weights<SmallRecipe> weights(7);
  const PerplexityCurve curve = curve_of(weights, book_of(65), 6, 2, 16);
  CHECK(curve.position_end == std::vector<int>{1, 2, 3, 4, 5, 6});
  for (const double nll : curve.nll_mean) CHECK(std::isfinite(nll));
  CHECK_THROWS_WITH(curve_of(weights, book_of(65), 6, 0, 16), Contains("0 windows") && Contains("mean of nothing"));
}
