// The needle: where it is put, what is asked, and what it must not be.
#include "data/toy_corpus.hpp"
#include "support/catch.hpp"

#include <longsky/data/needle.hpp>

#include <algorithm>
#include <set>

using namespace longsky;
using namespace longsky::test;
using Catch::Matchers::Contains;

TEST_CASE("a sample has the wanted length, one needle, and its answer") {
  const Corpus& corpus = toy_corpus();
  for (int length : {100, 200, 1000})
    for (double depth : {0.0, 0.25, 0.5, 0.75, 1.0}) {
      Random random(1, 2, static_cast<std::uint64_t>(length + 4 * depth));
      const NeedleSample s = make_needle(corpus, random, {length, depth, 5}, corpus.test_keys, corpus.held_out);
      CHECK(static_cast<int>(s.prompt.size() + s.answer.size()) == length);
      const std::string text = corpus.decode(s.prompt);
      const std::string needle = " The special magic number for" + s.key + " is " + s.number + ".";
      CHECK(text.find(needle) ==
            corpus.decode(std::span(s.prompt).first(static_cast<std::size_t>(s.needle_at))).size());
      CHECK(text.find(s.number) == text.rfind(s.number));
      CHECK(text.ends_with("\nWhat is the special magic number for" + s.key + "?<assistant>"));
      CHECK(corpus.decode(s.answer) == s.number + "<end>");
      std::set<Tokens> answers = {s.answer};
      for (const Tokens& other : s.distractors) {
        CHECK(other.size() == s.answer.size());
        answers.insert(other);
      }
      CHECK(answers.size() == 6);
    }
}

TEST_CASE("the needle stands at its depth, after a sentence where one ends near by") {
  const Corpus& corpus = toy_corpus();
  int after_sentence = 0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    Random random(1, 2, i);
    const NeedleSample s = make_needle(corpus, random, {1000, 0.5}, corpus.test_keys, corpus.held_out);
    CHECK(std::abs(s.needle_at - 490) < 50);
    const std::string before = corpus.decode(std::span(s.prompt).first(static_cast<std::size_t>(s.needle_at)));
    after_sentence += before.back() == '.' || before.back() == '\n' ? 1 : 0;
    Random again(1, 2, i);
    CHECK(make_needle(corpus, again, {1000, 0.5}, corpus.test_keys, corpus.held_out).prompt == s.prompt);
  }
  CHECK(after_sentence == 50);
  Random random(1, 2, 3);
  CHECK(make_needle(corpus, random, {500, 0.0}, corpus.test_keys, corpus.held_out).needle_at == 2);
}

TEST_CASE("a haystack too short, or a length too short, is an error in words") {
  const Corpus& corpus = toy_corpus();
  Random random(1, 2, 3);
  CHECK_THROWS_WITH(make_needle(corpus, random, {1 << 20, 0.5}, corpus.test_keys, corpus.held_out),
                    Contains("with the haystack last"));
  CHECK_THROWS_WITH(make_needle(corpus, random, {20, 0.5}, corpus.test_keys, corpus.held_out),
                    Contains("20 tokens was asked for"));
}
