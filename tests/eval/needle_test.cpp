// eval/needle_test.cpp — the grid with models whose answers are known: one that reads, one that stammers, one that is
// short-sighted, one that guesses.
#include "data/toy_corpus.hpp"
#include "support/catch.hpp"

#include <longsky/eval/needle.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <string>
#include <vector>

using namespace longsky;
using namespace longsky::test;
using Catch::Matchers::Contains;

namespace {

/// What a model does with the number that it finds.
enum class Habit { says, says_more, knows_but_stammers, guesses };

/// A model by rule: it looks for the needle in the last `sight` tokens of the prompt. Keeps what it was asked.
struct RiggedReader {
  Habit habit = Habit::says;
  int sight = 1 << 20;
  std::vector<Tokens> prompts = {};
  Tokens text = {};
  int prompt_length = 0;
  std::vector<float> logits = {};

  std::span<const float> read(std::span<const std::int32_t> prompt) {
    prompts.emplace_back(prompt.begin(), prompt.end());
    text = prompts.back();
    prompt_length = length();
    return answer();
  }
  std::span<const float> append(std::int32_t token) {
    text.push_back(token);
    return answer();
  }
  int length() const { return static_cast<int>(text.size()); }
  void rewind(int length) { text.resize(static_cast<std::size_t>(length)); }

  // The number in " … for KEY is NUMBER." of what is seen, and the end token.
  Tokens found() const {
    const Corpus& corpus = toy_corpus();
    const std::size_t first = static_cast<std::size_t>(std::max(0, prompt_length - sight));
    const std::string seen =
        corpus.decode(std::span(text).subspan(first, static_cast<std::size_t>(prompt_length) - first));
    const std::size_t needle = seen.find(" The special magic number for"), is = seen.find(" is ", needle);
    Tokens out;
    if (needle == std::string::npos || is == std::string::npos) return out;
    corpus.encode(seen.substr(is + 4, 6), out);
    if (habit == Habit::says_more) corpus.encode(" indeed", out);
    out.push_back(corpus.special.end);
    return out;
  }
  std::span<const float> answer() {
    const Corpus& corpus = toy_corpus();
    logits.assign(static_cast<std::size_t>(corpus.vocab), 0.0f);
    const Tokens number = habit == Habit::guesses ? Tokens() : found();
    const std::size_t at = static_cast<std::size_t>(length() - prompt_length);
    if (at < number.size()) logits[static_cast<std::size_t>(number[at])] = 5;
    if (habit == Habit::knows_but_stammers) logits[static_cast<std::size_t>(corpus.special.bos)] = 6;
    return logits;
  }
};

const NeedleGridSpec cells{.lengths = {160, 320}, .depths = {0, 0.5, 1}, .samples = 3};

NeedleGrid grid_of(RiggedReader& reader, bool development = false, std::uint64_t seed = 1) {
  return needle_grid(reader, toy_corpus(), cells, seed, development, [] {});
}
using Cells = std::vector<std::vector<double>>;
const Cells all(2, std::vector<double>(3, 1.0)), none(2, std::vector<double>(3, 0.0));

}  // namespace

TEST_CASE("a model that says the number and ends is right, one that goes on is not", "[needle]") {
  RiggedReader good, more{.habit = Habit::says_more};
  CHECK(grid_of(good).exact == all);
  CHECK(grid_of(good).ranked == all);
  CHECK(grid_of(good).mean_exact() == 1);
  CHECK(std::isnan(grid_of(good).mean_exact(1 << 20)));  // of no cell: neither all nor none
  CHECK(grid_of(more).exact == none);
}

TEST_CASE("a model that knows but does not say is ranked, one that guesses is neither", "[needle]") {
  RiggedReader stammers{.habit = Habit::knows_but_stammers}, guesses{.habit = Habit::guesses};
  const NeedleGrid knows = grid_of(stammers), guess = grid_of(guesses);
  CHECK(knows.exact == none);
  CHECK(knows.ranked == all);
  CHECK(guess.exact == none);
  CHECK(guess.ranked == none);  // as likely as every distractor is not likelier
}

TEST_CASE("lengths and depths are where they say", "[needle]") {
  RiggedReader reader;
  grid_of(reader);
  REQUIRE(reader.prompts.size() == 2 * 3 * 3);
  const Corpus& corpus = toy_corpus();
  const auto tokens = [&](const std::string& text) {
    Tokens out;
    corpus.encode(text, out);
    return out;
  };
  std::size_t i = 0;
  for (int length : cells.lengths)
    for (double depth : cells.depths)
      for (int sample = 0; sample < cells.samples; ++sample, ++i) {
        const Tokens& prompt = reader.prompts[i];
        const std::string text = corpus.decode(prompt), asked = "What is the special magic number for";
        const std::size_t question_at = text.find(asked), key_at = question_at + asked.size();
        const std::string key = text.substr(key_at, text.find('?', key_at) - key_at);
        const std::string number = text.substr(text.find(key + " is ") + key.size() + 4, 6);
        const Tokens needle = tokens(" The special magic number for" + key + " is " + number + ".");
        const Tokens question = tokens("\n" + asked + key + "?");
        const auto fixed =
            static_cast<std::ptrdiff_t>(2 + needle.size() + question.size() + 1);  // <bos> <user> <assistant>
        CHECK(static_cast<std::ptrdiff_t>(prompt.size() + tokens(number).size() + 1) == length);
        const auto place = std::search(prompt.begin(), prompt.end(), needle.begin(), needle.end()) - prompt.begin() - 2;
        const double hay = static_cast<double>(static_cast<std::ptrdiff_t>(prompt.size()) - fixed);
        REQUIRE(hay > 64);
        CHECK(static_cast<double>(place) ==
              Approx(depth * hay).margin(depth == 0.5 ? 33 : 0.5));  // a sentence's end is near
      }
  RiggedReader near{.sight = 130};  // of 320 tokens only the end is seen
  const NeedleGrid seen = grid_of(near);
  CHECK(seen.exact[1] == std::vector<double>{0, 0, 1});
}

TEST_CASE("the grid depends on the seed and the split, and on nothing else", "[needle]") {
  RiggedReader a, b, other_seed, development;
  grid_of(a);
  grid_of(b);
  grid_of(other_seed, false, 2);
  grid_of(development, true);
  CHECK(a.prompts == b.prompts);
  CHECK(a.prompts != other_seed.prompts);
  const Corpus& corpus = toy_corpus();
  const auto keys_of = [&](const RiggedReader& reader) {
    std::set<std::string> keys;
    for (const Tokens& prompt : reader.prompts) {
      const std::string text = corpus.decode(prompt);
      const std::size_t start = text.rfind(" number for") + 11;
      keys.insert(text.substr(start, text.rfind('?') - start));
    }
    return keys;
  };
  for (const std::string& key : keys_of(a)) CHECK(keys_of(development).count(key) == 0);
  // The needle comes first in these; the hay behind it is in one text only.
  const auto hay_is_in = [&](const RiggedReader& reader, const TokenDocument& book) {
    return std::all_of(reader.prompts.begin(), reader.prompts.begin() + 3, [&](const Tokens& prompt) {
      Tokens stop;
      corpus.encode(".", stop);
      const auto hay = std::find(prompt.begin(), prompt.end(), stop.front()) + 1;
      return std::search(book.tokens.begin(), book.tokens.end(), hay, hay + 12) != book.tokens.end();
    });
  };
  CHECK(hay_is_in(a, corpus.held_out));
  CHECK(!hay_is_in(a, corpus.development));
  CHECK(hay_is_in(development, corpus.development));
}

TEST_CASE("what comes after each sample may stop the grid", "[needle]") {
  RiggedReader reader;
  int samples = 0;
  CHECK_THROWS_WITH(needle_grid(reader, toy_corpus(), cells, 1, false,
                                [&] {
                                  if (++samples == 4) throw Error(ExitCode::stopped, "enough");
                                }),
                    Contains("enough"));
  CHECK(reader.prompts.size() == 4);
}

TEST_CASE("a length without room for the question is a sentence", "[needle]") {
  RiggedReader reader;
  NeedleGridSpec small = cells;
  small.lengths = {20};
  CHECK_THROWS_WITH(needle_grid(reader, toy_corpus(), small, 1, false, [] {}), Contains("needle sample of 20 tokens"));
}

TEST_CASE("lengths double from half the short context to the long one", "[needle]") {
  CHECK(doubling_lengths(256, 2048) == std::vector<int>{128, 256, 512, 1024, 2048});
  CHECK(doubling_lengths(256, 1500) == std::vector<int>{128, 256, 512, 1024, 1500});
  CHECK(doubling_lengths(64, 64) == std::vector<int>{32, 64});
}
