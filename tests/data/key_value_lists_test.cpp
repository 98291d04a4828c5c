// The warm-up: every trained value can be read in its list before it is asked for.
#include "data/toy_corpus.hpp"
#include "support/catch.hpp"

#include <longsky/data/key_value_lists.hpp>

#include <map>

using namespace longsky;
using namespace longsky::test;

TEST_CASE("only repeated values are trained, and each is the value its key had first") {
  const Corpus& corpus = toy_corpus();
  const KeyValueLists<> data(corpus);
  const double progress = GENERATE(0.0, 0.15, 0.25, 0.4, 0.6, 0.9);
  for (std::uint64_t i = 0; i < 10; ++i) {
    CHECK(is_well_formed(data, corpus, 256, i, progress));
    const OwnSequence s = filled(data, 256, i, progress);
    std::map<Tokens, Tokens> values;  // by the tokens of a row up to its value
    int trained = 0;
    for (std::size_t t = 0; t < s.tokens.size();) {
      if (s.tokens[t] == corpus.special.bos) values.clear(), ++t;
      // A row ends with a line break; its value is what is trained, or was listed before where it is trained later.
      Tokens row, value;
      for (; t < s.tokens.size() && s.tokens[t] != corpus.special.bos && s.tokens[t] != corpus.special.pad; ++t) {
        (s.roles[t] == Role::response ? value : row).push_back(s.tokens[t]);
        if (corpus.decode(std::span(&s.tokens[t], 1)).back() == '\n') break;
      }
      if (t < s.tokens.size() && s.tokens[t] == corpus.special.pad) break;
      ++t;
      const std::string text = corpus.decode(row);
      if (value.empty()) {
        Tokens whole = row;
        values[whole] = {};
        continue;
      }
      ++trained;
      if (text.back() != '\n') continue;  // cut by the end of the list
      // Some listed row is this one with its value put in.
      bool found = false;
      for (const auto& [listed, unused] : values) {
        (void)unused;
        if (listed.size() != row.size() + value.size()) continue;
        for (std::size_t at = 0; at <= row.size() && !found; ++at) {
          Tokens candidate = row;
          candidate.insert(candidate.begin() + static_cast<std::ptrdiff_t>(at), value.begin(), value.end());
          found = candidate == listed;
        }
      }
      CHECK(found);
    }
    CHECK(trained >= 4);
  }
}

TEST_CASE("lists grow with the stage") {
  const Corpus& corpus = toy_corpus();
  const KeyValueLists<> data(corpus);
  const auto lists = [&](double progress) {
    const OwnSequence s = filled(data, 512, 1, progress);
    return std::count(s.tokens.begin(), s.tokens.end(), corpus.special.bos);
  };
  CHECK(lists(0.0) == 13);
  CHECK(lists(0.25) == 4);
  CHECK(lists(0.999) == 2);
}

TEST_CASE("a corpus with too few words for a list is an error in words") {
  Corpus corpus = toy_corpus();
  corpus.keys.words.resize(2);
  corpus.keys.names.clear();
  CHECK_THROWS_WITH(filled(KeyValueLists<>(corpus), 256, 0, 0.25),
                    Catch::Matchers::Contains("different keys are needed"));
}
