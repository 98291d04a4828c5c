// Policies made of policies: shares, borders, and traits that pass through.
#include "data/toy_corpus.hpp"
#include "support/catch.hpp"

#include <longsky/data/chunk_interleave.hpp>
#include <longsky/data/mixture.hpp>
#include <longsky/data/packing.hpp>

#include <array>

using namespace longsky;
using namespace longsky::test;

namespace {

template <int Value>
struct Constant {
  explicit Constant(const Corpus&) {}
  void fill(Sequence out, Draw&) const { std::fill(out.tokens.begin(), out.tokens.end(), Value); }
};
struct Asks : Constant<9> {
  using Constant::Constant;
  static constexpr bool answers_questions = true;
};

template <class Data>
int value(std::uint64_t index, double progress = 0) {
  const Data data(toy_corpus());
  return filled(data, 4, index, progress).tokens[0];
}

using Cip = ChunkInterleave<TextWindows>;
static_assert(DataPolicy<Mixture<Weighted<Constant<1>, 1>>> && DataPolicy<Cip>);
static_assert(CrossesDocuments<Cip> && CrossesDocuments<Mixture<Weighted<Constant<1>, 1>, Weighted<Cip, 1>>>);
static_assert(CrossesDocuments<Curriculum<Until<Cip, 40>, Constant<1>>> &&
              CrossesDocuments<SideBySide<Weighted<Cip, 1>>>);
static_assert(!CrossesDocuments<Constant<1>> && !CrossesDocuments<Mixture<Weighted<Constant<1>, 1>>>);
static_assert(Mixture<Weighted<Constant<1>, 1>, Weighted<Asks, 1>>::answers_questions);
static_assert(!Mixture<Weighted<Constant<1>, 1>>::answers_questions &&
              Curriculum<Until<Asks, 1>, Asks>::answers_questions);

}  // namespace

TEST_CASE("a mixture keeps its shares") {
  using Data = Mixture<Weighted<Constant<1>, 65>, Weighted<Constant<2>, 35>>;
  std::array<int, 3> counts{};
  for (std::uint64_t i = 0; i < 4000; ++i) ++counts[static_cast<std::size_t>(value<Data>(i))];
  CHECK(counts[0] == 0);
  CHECK(std::abs(counts[1] - 2600) < 120);  // four standard deviations
}

TEST_CASE("side by side: by the sequence's number") {
  using Data = SideBySide<Weighted<Constant<1>, 2>, Weighted<Constant<2>, 1>>;
  for (std::uint64_t i = 0; i < 12; ++i) CHECK(value<Data>(i) == (i % 3 == 2 ? 2 : 1));
}

TEST_CASE("a curriculum changes at its percentages") {
  using Data = Curriculum<Until<Constant<1>, 20>, Until<Constant<2>, 50>, Constant<3>>;
  CHECK(value<Data>(0, 0.0) == 1);
  CHECK(value<Data>(0, 0.199) == 1);
  CHECK(value<Data>(0, 0.2) == 2);
  CHECK(value<Data>(0, 0.5) == 3);
  CHECK(value<Data>(0, 0.999) == 3);
  CHECK(value<Data>(0, 1.0) == 3);
}
