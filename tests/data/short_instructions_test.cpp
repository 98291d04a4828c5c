// Short SFT: documents of their own, answers that stand in their context, wordings that can be kept out.
#include "data/toy_corpus.hpp"
#include "support/catch.hpp"

#include <longsky/data/short_instructions.hpp>

using namespace longsky;
using namespace longsky::test;

TEST_CASE("samples are short documents, and their answers are in their context") {
  const Corpus& corpus = toy_corpus();
  const ShortInstructions<256> data(corpus);
  int turns = 0, counts = 0;
  for (std::uint64_t i = 0; i < 10; ++i) {
    CHECK(is_well_formed(data, corpus, 2048, i));
    const OwnSequence s = filled(data, 2048, i);
    std::size_t start = 0;
    for (std::size_t t = 1; t < s.tokens.size(); ++t)
      if (s.documents[t] != s.documents[t - 1]) {
        CHECK(s.tokens[start] == corpus.special.bos);
        CHECK(t - start <= 256);
        start = t;
      }
    CHECK(s.documents.back() >= 7);
    std::string context;
    for (const Turn& turn : turns_of(s, corpus)) {
      if (turn.first) context = turn.prompt;
      const bool count = turn.prompt.ends_with("How many words?");
      CHECK((count || context.find(turn.answer) != std::string::npos));
      counts += count ? 1 : 0;
      ++turns;
    }
  }
  CHECK(turns > 300);
  CHECK(counts > 0);
}

TEST_CASE("the needle's wording is there or not, as wanted") {
  const Corpus& corpus = toy_corpus();
  const auto magic = [&](const auto& data) {
    int found = 0;
    for (std::uint64_t i = 0; i < 10; ++i)
      found += corpus.decode(filled(data, 1024, i).tokens).find("special magic number") != std::string::npos ? 1 : 0;
    return found;
  };
  CHECK(magic(ShortInstructions<256, Facts::any>(corpus)) >= 5);
  CHECK(magic(ShortInstructions<256, Facts::without_needle>(corpus)) == 0);
}

TEST_CASE("lists of words are answered by their order") {
  const Corpus& corpus = toy_corpus();
  const ShortInstructions<256> data(corpus);
  int checked = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    std::vector<std::string> words;
    for (const Turn& turn : turns_of(filled(data, 1024, i), corpus)) {
      if (turn.first) {
        words.clear();
        if (!turn.prompt.starts_with("Words:")) continue;
        const std::string list = turn.prompt.substr(6, turn.prompt.find('.') - 6) + ",";
        for (std::size_t a = 0, b; (b = list.find(',', a)) != std::string::npos; a = b + 1)
          words.push_back(list.substr(a, b - a));
      }
      if (words.empty()) continue;
      const std::string question = turn.prompt.substr(turn.prompt.rfind('\n') + 1);
      ++checked;
      if (question == "What is the first word?") CHECK(turn.answer == words.front());
      if (question == "What is the last word?") CHECK(turn.answer == words.back());
      if (question == "How many words?") CHECK(turn.answer == std::to_string(words.size()));
      for (std::size_t w = 0; w + 1 < words.size(); ++w)
        if (question == "What comes after" + words[w] + "?") CHECK(turn.answer == words[w + 1]);
    }
  }
  CHECK(checked > 30);
}

TEST_CASE("a context too short for any sample is an error in words") {
  CHECK_THROWS_WITH(filled(ShortInstructions<256>(toy_corpus()), 60, 0), Catch::Matchers::Contains("at least 96"));
}
