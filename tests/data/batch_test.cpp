// Batches: targets by objective and mask, and sequences that do not depend on who shares their batch.
#include "data/toy_corpus.hpp"
#include "support/catch.hpp"

#include <longsky/data/batch.hpp>
#include <longsky/data/packing.hpp>
#include <longsky/data/short_instructions.hpp>

using namespace longsky;
using namespace longsky::test;

namespace {

/// Two documents, all four roles: tokens 10, 11, …
struct Scripted {
  explicit Scripted(const Corpus&) {}
  void fill(Sequence out, Draw&) const {
    constexpr std::array roles = {Role::silent,   Role::text,   Role::prompt, Role::response,
                                  Role::response, Role::silent, Role::text};
    for (std::size_t i = 0; i < 7; ++i) {
      out.tokens[i] = 10 + static_cast<std::int32_t>(i);
      out.roles[i] = roles[i];
      out.documents[i] = i < 4 ? 0 : 1;
      out.positions[i] = 100 * static_cast<std::int32_t>(i);
    }
  }
};

template <class Objective, class Mask>
Batch scripted() {
  Batch batch(1, 6);
  fill_batch<Scripted, Objective, Mask>(batch, Scripted(toy_corpus()), 1, 2, 0, 0);
  return batch;
}

using T = std::vector<std::int32_t>;

}  // namespace

TEST_CASE("the next token is a target where its role is trained and its document is the same or visible") {
  const Batch all = scripted<NextToken, Causal>();
  CHECK(all.tokens == T{10, 11, 12, 13, 14, 15});
  CHECK(all.targets == T{11, 12, 13, 14, -1, 16});
  CHECK(all.documents == T{0, 0, 0, 0, 1, 1});
  CHECK(all.positions == T{0, 100, 200, 300, 400, 500});
  CHECK(all.trained == 5);
  CHECK(scripted<ResponseOnly, Causal>().targets == T{-1, -1, 13, 14, -1, -1});
  CHECK(scripted<NextToken, WithinDocument<>>().targets == T{11, 12, 13, -1, -1, 16});
  CHECK(scripted<ResponseOnly, WithinDocument<>>().trained == 1);
}

TEST_CASE("a sequence is the same alone and among others, and a batch forgets the one before") {
  const ShortInstructions<> data(toy_corpus());
  Batch four(4, 256), one(1, 256);
  const auto fill = [&](Batch& batch, std::uint64_t first) {
    fill_batch<ShortInstructions<>, ResponseOnly, WithinDocument<>>(batch, data, 7, stream_of("sft"), first, 0.5);
  };
  fill(four, 40);
  std::int64_t trained = 0;
  for (int b = 0; b < 4; ++b) {
    fill(one, static_cast<std::uint64_t>(40 + b));
    const auto part = [&](const T& all) { return T(all.begin() + 256 * b, all.begin() + 256 * (b + 1)); };
    CHECK(part(four.tokens) == one.tokens);
    CHECK(part(four.targets) == one.targets);
    CHECK(part(four.documents) == one.documents);
    trained += one.trained;
  }
  CHECK(four.trained == trained);
  const T before = four.tokens;
  fill(four, 44);
  CHECK(four.tokens != before);
  fill(four, 40);
  CHECK(four.tokens == before);
}

TEST_CASE("seed and stage change the data") {
  const PackedDocuments<TextWindows> data(toy_corpus());
  const auto tokens = [&](std::uint64_t seed, std::uint32_t stream) {
    Batch batch(1, 64);
    fill_batch<PackedDocuments<TextWindows>, NextToken, Causal>(batch, data, seed, stream, 0, 0);
    return batch.tokens;
  };
  CHECK(tokens(1, 1) != tokens(2, 1));
  CHECK(tokens(1, 1) != tokens(1, 2));
}
