// Chunk interleaving: a permutation that keeps each document's order, in both layouts.
#include "data/toy_corpus.hpp"
#include "support/catch.hpp"

#include <longsky/data/chunk_interleave.hpp>

#include <algorithm>
#include <numeric>

using namespace longsky;
using namespace longsky::test;

namespace {

/// Documents whose tokens say where they belong: document * 1000 + place.
std::vector<Tokens> labelled(const std::vector<int>& sizes) {
  std::vector<Tokens> documents;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    documents.emplace_back(static_cast<std::size_t>(sizes[d]));
    std::iota(documents.back().begin(), documents.back().end(), static_cast<std::int32_t>(d) * 1000);
  }
  return documents;
}

Tokens joined(const std::vector<Tokens>& documents) {
  Tokens all;
  for (const Tokens& d : documents) all.insert(all.end(), d.begin(), d.end());
  return all;
}

/// A source whose documents are 1000 d, 1000 d + 1, …, behind a <bos>.
struct Labelled {
  explicit Labelled(const Corpus& corpus) : bos(corpus.special.bos) {}
  void append(Tokens& out, int length, Random&) const {
    out.push_back(bos);
    for (int i = 1; i < length; ++i) out.push_back(1000 * count + i);
    ++count;
  }
  std::int32_t bos;
  mutable int count = 1;
};

}  // namespace

TEST_CASE("three documents in two chunks: A1 B1 C1 A2 B2 C2") {
  Random random(1, 2, 3);
  const auto documents = labelled({4, 5, 2});
  CHECK(interleaved<EqualCuts>(documents, 2, random) == Tokens{0, 1, 1000, 1001, 2000, 2, 3, 1002, 1003, 1004, 2001});
  CHECK(interleaved<EqualCuts>(documents, 1, random) == joined(documents));
}

TEST_CASE("a document shorter than its chunks stays whole, an empty one is nothing") {
  Random random(1, 2, 3);
  CHECK(interleaved<EqualCuts>(labelled({2, 3}), 3, random) == Tokens{0, 1, 1000, 1001, 1002});
  CHECK(interleaved<RandomCuts>(labelled({0, 1}), 2, random) == Tokens{1000});
  CHECK(interleaved<EqualCuts>(std::vector<Tokens>(), 2, random).empty());
}

TEMPLATE_TEST_CASE("the result is a permutation that keeps the order inside each document", "", EqualCuts, RandomCuts) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    Random random(1, 2, i);
    std::vector<int> sizes(1 + random.below(7));
    for (int& size : sizes) size = random.between(0, 40);
    const auto documents = labelled(sizes);
    const int chunks = random.between(1, 5);
    Tokens out = interleaved<TestType>(documents, chunks, random);
    std::vector<Tokens> back(documents.size());
    for (std::int32_t token : out) back[static_cast<std::size_t>(token / 1000)].push_back(token);
    CHECK(back == documents);
  }
}

TEST_CASE("a cut document's next chunk comes after one chunk of every other") {
  Random random(1, 2, 3);
  const Tokens out = interleaved<EqualCuts>(labelled({40, 60, 80}), 4, random);
  const auto place = [&](std::int32_t token) { return std::find(out.begin(), out.end(), token) - out.begin(); };
  CHECK(place(10) - place(9) == 15 + 20 + 1);
  CHECK(place(1015) - place(1014) == 20 + 10 + 1);
}

TEST_CASE("layout A fills a sequence exactly, as one document") {
  const Corpus& corpus = toy_corpus();
  const ChunkInterleave<TextWindows, PackedGroup<2, RandomCuts, 3, 8>> data(corpus);
  for (std::uint64_t i = 0; i < 20; ++i) {
    CHECK(is_well_formed(data, corpus, 500, i));
    const OwnSequence s = filled(data, 500, i);
    CHECK(s.documents.back() == 0);
    CHECK(std::count(s.tokens.begin(), s.tokens.end(), corpus.special.pad) == 0);
    const auto documents = std::count(s.tokens.begin(), s.tokens.end(), corpus.special.bos);
    CHECK((documents >= 3 && documents <= 8));
    CHECK(std::count(s.roles.begin(), s.roles.end(), Role::text) == 501);
  }
}

TEST_CASE("layout B: equal documents in near-equal pieces, <bos> in front, <end> behind, padding after it") {
  const Corpus& corpus = toy_corpus();
  const ChunkInterleave<Labelled, FixedGroup<3, 2>> data(corpus);
  const OwnSequence s = filled(data, 27, 0);  // 28 tokens: 28 / 3 = 9 a document, 8 without its <bos>
  Tokens expected = {corpus.special.bos};
  for (int c = 0; c < 2; ++c)
    for (int d = 1; d <= 3; ++d)
      for (int i = 1 + 4 * c; i <= 4 + 4 * c; ++i) expected.push_back(1000 * d + i);
  expected.insert(expected.end(), {corpus.special.end, corpus.special.pad, corpus.special.pad});
  CHECK(s.tokens == expected);
  CHECK(s.roles.back() == Role::silent);
  CHECK(is_well_formed(ChunkInterleave<TextWindows, FixedGroup<4, 3>>(corpus), corpus, 300, 1));
}

TEST_CASE("layout C: one document as its source writes it") {
  const Corpus& corpus = toy_corpus();
  const OwnSequence s = filled(ChunkInterleave<Labelled, WholeDocument>(corpus), 9, 0);
  CHECK(s.tokens == Tokens{corpus.special.bos, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009});
  CHECK(s.documents.back() == 0);
  CHECK(is_well_formed(ChunkInterleave<TextWindows, WholeDocument>(corpus), corpus, 300, 1));
}

TEST_CASE("near-equal pieces: the first ones are longer, a short document has pieces of one token") {
  CHECK(near_equal_cuts(8, 3) == Cuts{3, 6});
  CHECK(near_equal_cuts(7, 3) == Cuts{3, 5});
  CHECK(near_equal_cuts(2, 3) == Cuts{1, 2});
  CHECK(near_equal_cuts(0, 3) == Cuts{0, 0});
}
