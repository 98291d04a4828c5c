// Packing and the documents it packs: windows of books, lists that repeat themselves.
#include "data/toy_corpus.hpp"
#include "support/catch.hpp"

#include <longsky/data/packing.hpp>
#include <longsky/data/record_lists.hpp>

#include <algorithm>
#include <set>
#include <sstream>

using namespace longsky;
using namespace longsky::test;
using Catch::Matchers::Contains;

TEST_CASE("a text window is consecutive tokens of a training book, from anywhere in it") {
  const Corpus& corpus = toy_corpus();
  const BookWindows windows(corpus);
  std::set<const std::int32_t*> starts;
  for (std::uint64_t i = 0; i < 300; ++i) {
    Random random(1, 2, i);
    const auto window = windows.draw(100, random);
    REQUIRE(window.size() == 100);
    const bool inside = std::any_of(corpus.documents.begin(), corpus.documents.end(), [&](const TokenDocument& book) {
      return window.data() >= book.tokens.data() && window.data() + 100 <= book.tokens.data() + book.tokens.size();
    });
    CHECK(inside);
    starts.insert(window.data());
  }
  CHECK(starts.size() > 280);
}

TEST_CASE("a context longer than every book is an error that says how long the longest is") {
  Corpus corpus = toy_corpus();
  std::size_t longest = 0;
  for (const TokenDocument& book : corpus.documents) longest = std::max(longest, book.tokens.size());
  Random random(1, 2, 3);
  const BookWindows windows(corpus);
  CHECK(windows.draw(static_cast<int>(longest), random).size() == longest);
  CHECK_THROWS_WITH(windows.draw(static_cast<int>(longest) + 1, random), Contains("has " + std::to_string(longest)));
  CHECK_THROWS_WITH(filled(PackedDocuments<TextWindows>(corpus), 1 << 20, 0), Contains("train on a shorter context"));
}

TEST_CASE("packed documents are numbered, start with <bos>, and fill the sequence") {
  const Corpus& corpus = toy_corpus();
  const PackedDocuments<TextWindows, 16, 32> data(corpus);
  for (std::uint64_t i = 0; i < 20; ++i) {
    CHECK(is_well_formed(data, corpus, 200, i));
    const OwnSequence s = filled(data, 200, i);
    int size = 0;
    for (int t = 0; t < s.size(); ++t) {
      const auto at = static_cast<std::size_t>(t);
      const bool starts = t == 0 || s.documents[at] != s.documents[at - 1];
      CHECK((s.tokens[at] == corpus.special.bos) == starts);
      CHECK((s.roles[at] == Role::silent) == starts);
      if (starts && t > 0) CHECK((size == 16 || size == 32));
      size = starts ? 1 : size + 1;
    }
  }
  const OwnSequence whole = filled(PackedDocuments<TextWindows>(corpus), 200, 0);
  CHECK(whole.documents.back() == 0);
}

TEST_CASE("a record list says each of its rows first, and every later row is one of them") {
  const Corpus& corpus = toy_corpus();
  const RecordLists<30, 40> lists(corpus);
  for (std::uint64_t i = 0; i < 30; ++i) {
    Random random(1, 2, i);
    Tokens tokens;
    lists.append(tokens, 400, random);
    REQUIRE(tokens.size() == 400);
    CHECK(tokens.front() == corpus.special.bos);
    std::istringstream text(corpus.decode(std::span(tokens).subspan(1)));
    std::string line;
    std::getline(text, line);
    CHECK(line.starts_with("List of "));
    std::set<std::string> rows;
    while (std::getline(text, line) && line != "Again:") CHECK(rows.insert(line).second);
    CHECK(rows.size() >= 2);
    int repeated = 0;
    while (std::getline(text, line)) {
      if (text.eof()) break;  // the last row may be cut
      CHECK(rows.count(line) == 1);
      ++repeated;
    }
    CHECK(repeated >= static_cast<int>(rows.size()));
  }
}
