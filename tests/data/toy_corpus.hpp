// data/toy_corpus.hpp — a corpus of made-up books, small enough to make in every test program.
#pragma once

#include <longsky/train/corpus.hpp>

#include <set>
#include <string>
#include <vector>

namespace longsky::test {

/// Books of a hundred or so made-up words, with numbers and paragraphs.
inline std::vector<Book> toy_books(int words = 12000) {
  Random random(11, stream_of("toy words"), 0);
  std::vector<std::string> lexicon;
  std::set<std::string> taken;
  while (lexicon.size() < 160) {
    std::string word;
    for (int s = random.between(2, 3); s > 0; --s)
      word += random.pick(std::vector<std::string>{"ba", "ke", "lo", "mi", "nu", "ra", "so", "ti"});
    if (taken.insert(word).second) lexicon.push_back(word);
  }
  std::vector<Book> books;
  for (const char* name : {"first", "second", "last"}) {
    std::string text = "It begins";
    for (int i = 0; i < words; ++i) {
      const auto rank = std::min(random.below(160), random.below(160));  // some words are met more often
      text += ' ' + lexicon[rank];
      if (random.chance(0.02f)) text += ' ' + std::to_string(random.below(1000000));
      if (random.chance(0.1f)) text += random.chance(0.2f) ? ".\n" : ".";
    }
    books.push_back({name, text});
  }
  return books;
}

/// Made once a program.
inline const Corpus& toy_corpus() {
  static const std::vector<Book> books = toy_books();
  static const Corpus corpus =
      make_corpus(make_tokenizer(books, "last", BytePair::first_merge + 160), books, "last", 5);
  return corpus;
}

/// A sequence with its own memory.
struct OwnSequence {
  std::vector<std::int32_t> tokens, documents, positions;
  std::vector<Role> roles;

  explicit OwnSequence(int context)
      : tokens(static_cast<std::size_t>(context) + 1, -7), documents(tokens), positions(tokens), roles(tokens.size()) {}

  Sequence view() { return {tokens, roles, documents, positions}; }
  int size() const { return static_cast<int>(tokens.size()); }
  friend bool operator==(const OwnSequence&, const OwnSequence&) = default;
};

template <class Data>
OwnSequence filled(const Data& data, int context, std::uint64_t index, double progress = 0) {
  OwnSequence out(context);
  Draw draw{index, progress, Random(3, stream_of("test"), index)};
  data.fill(out.view(), draw);
  return out;
}

/// What every policy must do: all four arrays written, tokens of the vocabulary, documents never decreasing, positions
/// 0, 1, …, padding never trained; and the same again for the same number.
template <class Data>
bool is_well_formed(const Data& data, const Corpus& corpus, int context, std::uint64_t index, double progress = 0) {
  const OwnSequence s = filled(data, context, index, progress);
  bool good = s == filled(data, context, index, progress) && s.documents[0] == 0;
  for (std::size_t i = 0; i < s.tokens.size(); ++i) {
    good = good && s.tokens[i] >= 0 && s.tokens[i] < corpus.vocab && s.positions[i] == static_cast<std::int32_t>(i);
    good = good && (s.tokens[i] != corpus.special.pad || s.roles[i] == Role::silent);
    good = good && (i == 0 || s.documents[i] == s.documents[i - 1] || s.documents[i] == s.documents[i - 1] + 1);
  }
  return good;
}

/// A question as it stands in a sequence: what the user said (context included) and what is to be answered.
struct Turn {
  std::string prompt, answer;
  bool first;  ///< opens its document, so that the prompt holds the context
};

/// The turns of a sequence; checks that exactly the answers and their ends are trained.
inline std::vector<Turn> turns_of(const OwnSequence& s, const Corpus& corpus) {
  const SpecialTokens& special = corpus.special;
  const auto text = [&](std::size_t a, std::size_t b) { return corpus.decode(std::span(s.tokens).subspan(a, b - a)); };
  std::vector<Turn> turns;
  std::size_t user = 0, assistant = 0;
  bool first = true;
  for (std::size_t i = 0; i < s.tokens.size(); ++i) {
    const bool answering = assistant > user;
    if ((s.roles[i] == Role::response) != answering) return {};
    if (s.tokens[i] == special.bos) first = true;
    if (s.tokens[i] == special.user) user = i;
    if (s.tokens[i] == special.assistant) assistant = i;
    if (s.tokens[i] == special.end) {
      turns.push_back({text(user + 1, assistant), text(assistant + 1, i), first});
      user = i;
      first = false;
    }
  }
  return turns;
}

}  // namespace longsky::test
