// longsky/train/corpus.hpp — from books to a corpus: a tokenizer learned on the training books, keys split by hash.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/printable.hpp>
#include <longsky/core/random.hpp>
#include <longsky/core/stop.hpp>
#include <longsky/data/corpus.hpp>
#include <longsky/text/books.hpp>
#include <longsky/text/byte_pair.hpp>
#include <longsky/text/byte_pair_training.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longsky {

/// Counts the pieces of all books but the held-out one.
inline PieceCounts count_training_pieces(std::span<const Book> books, std::string_view held_out) {
  PieceCounts counts;
  for (const Book& book : books)
    if (book.name != held_out) count_pieces(book.text, counts);
  return counts;
}

/// Names for a sentence, the first hundred of them, fit for a terminal.
[[gnu::cold]] inline std::string names_listed(std::span<const Book* const> books) {
  constexpr std::size_t most = 100;
  std::string names;
  for (const Book* book : books.first(std::min(most, books.size())))
    names += (names.empty() ? "" : ", ") + printable(book->name);
  if (books.size() > most) names += " and " + std::to_string(books.size() - most) + " more";
  return names.empty() ? "none" : names;
}

/// The book called `name`. Throws Error(usage) that lists the names there are where it is none's, or that of several.
[[gnu::cold]] inline const Book& book_called(std::span<const Book> books, std::string_view name) {
  std::vector<const Book*> all, called;
  for (const Book& book : books) {
    all.push_back(&book);
    if (book.name == name) called.push_back(&book);
  }
  if (called.size() > 1)
    throw Error(ExitCode::usage, std::to_string(called.size()) + " books are called " + printable(name) +
                                     "; give each a name of its own");
  if (called.empty())
    throw Error(ExitCode::usage,
                "there is no book called " + printable(name) + "; the books are: " + names_listed(all));
  return *called.front();
}

/// The book that a user means by `asked`: the one of that name, else the one whose name `asked` is a part of. Throws
/// Error(usage) with the names where that is none or several.
[[gnu::cold]] inline const Book& book_meant(std::span<const Book> books, std::string_view asked) {
  std::vector<const Book*> all, containing;
  for (const Book& book : books) {
    if (book.name == asked) return book_called(books, asked);
    all.push_back(&book);
    if (book.name.find(asked) != std::string::npos) containing.push_back(&book);
  }
  if (asked.empty()) throw Error(ExitCode::usage, "--held-out names no book; the books are: " + names_listed(all));
  if (containing.empty())
    throw Error(ExitCode::usage, "no book's name contains '" + printable(asked) +
                                     "'; the books are: " + names_listed(all) + ". Choose one with --held-out.");
  if (containing.size() > 1)
    throw Error(ExitCode::usage, "'" + printable(asked) + "' is a part of the names of " +
                                     std::to_string(containing.size()) + " books: " + names_listed(containing) +
                                     ". Give the whole name of one with --held-out.");
  return *containing.front();
}

/// Learns a tokenizer of `vocab` tokens on all books but the held-out one.
[[gnu::cold]] inline BytePair make_tokenizer(std::span<const Book> books, std::string_view held_out, int vocab) {
  book_called(books, held_out);
  return train_byte_pair(count_training_pieces(books, held_out), vocab);
}

/// Deals the words by a hash of word and seed: 70 % are keys of the training data, 10 % of the development grid, 20 %
/// of the reported one. Words are single tokens of at least four letters, and lower-case words of 4 to 10 letters that
/// occur at least twice in the training books and take two or three tokens.
[[gnu::cold]] inline void deal_keys(Corpus& corpus, const BytePair& tokenizer, const PieceCounts& counts,
                                    std::uint64_t seed) {
  constexpr std::array<std::string_view, 13> of_questions = {" what",   " give",   " list",    " again", " words",
                                                             " word",   " number", " special", " magic", " rows",
                                                             " larger", " equal",  " many"};
  const auto reserved = [&](std::string_view word) {
    const auto same = [&](std::string_view column) { return word.substr(1) == column; };
    return std::find(of_questions.begin(), of_questions.end(), word) != of_questions.end() ||
           std::any_of(corpus.columns.begin(), corpus.columns.end(), same);
  };
  const auto pool = [&](std::string_view word) -> KeyPool& {
    const float u = Random(seed, stream_of(word), 0).uniform();
    return u < 0.7f ? corpus.keys : u < 0.8f ? corpus.development_keys : corpus.test_keys;
  };
  for (std::int32_t id = BytePair::first_merge; id < tokenizer.vocab(); ++id)
    if (const std::string word(tokenizer.token(id)); tokenizer.is_word(id) && !reserved(word))
      pool(word).words.push_back(word);
  StopHeeder heed("choosing key words");
  for (const auto& [piece, count] : counts) {
    heed();
    const bool plain = piece.size() >= 5 && piece.size() <= 11 && piece[0] == ' ' &&
                       piece.find_first_not_of("abcdefghijklmnopqrstuvwxyz", 1) == std::string::npos;
    if (!plain || count < 2 || reserved(piece)) continue;
    const std::size_t size = tokenizer.encode(piece).size();
    if (size == 2 || size == 3) pool(piece).names.push_back(piece);
  }
  for (KeyPool* p : {&corpus.keys, &corpus.development_keys, &corpus.test_keys}) {
    std::sort(p->names.begin(), p->names.end());  // counts are a hash map: its order is not ours
    if (p->words.size() < 2)
      throw Error(ExitCode::usage,
                  "the tokenizer has too few whole words to ask for (" + std::to_string(p->words.size()) +
                      " in one of three pools, expected 2 or more); add books or use a larger vocabulary");
  }
}

/// A corpus of `books`: all but `held_out` are trained on; of that one, without its digits, the first third is the
/// development haystack and the rest the reported one. Throws Error: usage if a part is missing or too short to use,
/// stopped when the run is asked to stop.
[[gnu::cold]] inline Corpus make_corpus(const BytePair& tokenizer, std::span<const Book> books,
                                        std::string_view held_out, std::uint64_t seed) {
  Corpus corpus;
  corpus.vocab = tokenizer.vocab();
  corpus.special = {BytePair::pad, BytePair::bos, BytePair::user, BytePair::assistant, BytePair::end};
  corpus.columns = {"price",  "age",  "weight", "height", "code",  "score", "rank",  "size",
                    "number", "year", "total",  "count",  "value", "rate",  "speed", "level"};
  corpus.encode = [tokenizer](std::string_view text, Tokens& out) { tokenizer.encode(text, out); };
  corpus.decode = [tokenizer](std::span<const std::int32_t> ids) { return tokenizer.decode(ids); };

  auto tokens_of = [&tokenizer, heed = StopHeeder("making tokens of the books")](std::string_view part) mutable {
    heed_stop("making tokens of the books");
    Tokens out;
    tokenizer.encode(part, out, heed);
    return out;
  };
  std::string text = book_called(books, held_out).text;
  std::erase_if(text, is_digit);
  std::size_t third = text.find('\n', text.size() / 3);
  if (third == std::string::npos) third = text.size() / 3;
  corpus.development = {std::string(held_out) + " (first third)", tokens_of(std::string_view(text).substr(0, third))};
  corpus.held_out = {std::string(held_out) + " (rest)", tokens_of(std::string_view(text).substr(third))};
  for (const Book& book : books)
    if (book.name != held_out) corpus.documents.push_back({book.name, tokens_of(book.text)});
  if (corpus.documents.empty())
    throw Error(ExitCode::usage,
                "the only book is the held-out one, " + std::string(held_out) + "; add books to train on");
  deal_keys(corpus, tokenizer, count_training_pieces(books, held_out), seed);
  return corpus;
}

}  // namespace longsky
