// The corpus: keys dealt in disjoint pools, haystacks without digits, and a document that is never trained on.
#include "data/toy_corpus.hpp"
#include "support/catch.hpp"

#include <longsky/core/signals.hpp>

#include <algorithm>
#include <set>

using namespace longsky;
using namespace longsky::test;
using Catch::Matchers::Contains;

TEST_CASE("no word is in two pools, and each pool has its share") {
  const Corpus& corpus = toy_corpus();
  std::multiset<std::string> all;
  const auto count = [&](const KeyPool& pool) {
    all.insert(pool.words.begin(), pool.words.end());
    all.insert(pool.names.begin(), pool.names.end());
    return static_cast<double>(pool.words.size() + pool.names.size());
  };
  const double train = count(corpus.keys), development = count(corpus.development_keys), test = count(corpus.test_keys);
  CHECK(all.size() == std::set<std::string>(all.begin(), all.end()).size());
  CHECK(train / static_cast<double>(all.size()) == Approx(0.7).margin(0.15));
  CHECK(development > 0);
  CHECK(test > development);
  Tokens tokens;
  for (const std::string& word : corpus.keys.words) {
    tokens.clear();
    corpus.encode(word, tokens);
    CHECK(tokens.size() == 1);
  }
  for (const std::string& name : corpus.keys.names) {
    tokens.clear();
    corpus.encode(name, tokens);
    CHECK((tokens.size() == 2 || tokens.size() == 3));
  }
}

TEST_CASE("keys are drawn from all three kinds") {
  const Corpus& corpus = toy_corpus();
  Random random(1, 2, 3);
  int words = 0, names = 0, pairs = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string key = corpus.keys.draw(random);
    if (std::count(key.begin(), key.end(), ' ') == 2)
      ++pairs;
    else if (std::find(corpus.keys.words.begin(), corpus.keys.words.end(), key) != corpus.keys.words.end())
      ++words;
    else
      ++names;
  }
  CHECK(names == Approx(800).margin(100));
  CHECK(pairs == Approx(500).margin(90));
  CHECK(words == Approx(700).margin(95));
}

TEST_CASE("the held-out book is in no training document, and has no digits") {
  const Corpus& corpus = toy_corpus();
  CHECK(corpus.documents.size() == 2);
  for (const TokenDocument& book : corpus.documents) CHECK(book.name != "last");
  for (const TokenDocument* haystack : {&corpus.development, &corpus.held_out}) {
    const std::string text = corpus.decode(haystack->tokens);
    CHECK(std::none_of(text.begin(), text.end(), is_digit));
    CHECK(text.size() > 10000);
  }
  CHECK(corpus.held_out.tokens.size() > corpus.development.tokens.size());
}

TEST_CASE("the same books and seed give the same corpus, another seed deals other keys") {
  const auto books = toy_books(3000);
  const BytePair tokenizer = make_tokenizer(books, "last", BytePair::first_merge + 140);
  CHECK(tokenizer == make_tokenizer(books, "last", BytePair::first_merge + 140));
  const Corpus a = make_corpus(tokenizer, books, "last", 1), b = make_corpus(tokenizer, books, "last", 1);
  CHECK(a.keys.names == b.keys.names);
  CHECK(a.keys.words == b.keys.words);
  CHECK(a.keys.words != make_corpus(tokenizer, books, "last", 2).keys.words);
}

TEST_CASE("a book is meant by its name, or by a part that no other name has") {
  const std::vector<Book> books = {{"a_dilemma", ""}, {"emma", ""}, {"persuasion", ""}, {"\x1b[2J", ""}};
  CHECK(book_meant(books, "emma").name == "emma");
  CHECK(book_meant(books, "dil").name == "a_dilemma");
  CHECK(book_meant(books, "persuasion").name == "persuasion");
  CHECK_THROWS_WITH(book_meant(books, "mm"), Contains("2 books: a_dilemma, emma") && Contains("whole name"));
  CHECK_THROWS_WITH(book_meant(books, "Emma"), Contains("a_dilemma, emma, persuasion, \\x1b[2J"));
  CHECK_THROWS_WITH(book_meant(books, ""), Contains("names no book") && Contains("a_dilemma, emma"));
  CHECK_THROWS_WITH(book_meant({}, "emma"), Contains("the books are: none"));
  const std::vector<Book> twins = {{"emma", "one"}, {"emma", "two"}, {"other", ""}};
  CHECK_THROWS_WITH(book_meant(twins, "emma"), Contains("2 books are called emma"));
  CHECK_THROWS_WITH(make_tokenizer(twins, "emma", 2000), Contains("2 books are called emma"));
}

TEST_CASE("what is missing is said in words") {
  const auto books = toy_books(3000);
  CHECK_THROWS_WITH(make_tokenizer(books, "emma", 2000),
                    Contains("no book called emma") && Contains("first, second, last"));
  CHECK_THROWS_WITH(make_corpus(BytePair(), books, "last", 1), Contains("too few whole words"));
  const std::vector<Book> one = {books[2]};
  CHECK_THROWS_WITH(make_corpus(BytePair(), one, "last", 1), Contains("the only book is the held-out one"));
  CHECK_THROWS_WITH(make_tokenizer(books, "last", 100000), Contains("too short"));
}

TEST_CASE("a stop is heard while a corpus is made") {
  const auto books = toy_books(3000);
  const BytePair tokenizer = make_tokenizer(books, "last", BytePair::first_merge + 140);
  const StopSignals signals;
  CHECK(make_corpus(tokenizer, books, "last", 1).documents.size() == 2);
  raise(SIGTERM);
  CHECK_THROWS_WITH(make_tokenizer(books, "last", 2000), Contains("stopped while counting the words"));
  CHECK_THROWS_WITH(make_corpus(tokenizer, books, "last", 1), Contains("stopped while making tokens"));
}
