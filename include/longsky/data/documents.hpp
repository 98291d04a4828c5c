// longsky/data/documents.hpp — where running text comes from: a source writes one document of a wanted length.
#pragma once

#include <longsky/data/corpus.hpp>
#include <longsky/data/weighted.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <tuple>

namespace longsky {

/// A document source is made from a corpus; `append` adds exactly `length` tokens of one document.
template <class S>
concept DocumentSource = requires(const S source, const Corpus& corpus, Tokens& out, int length, Random& random) {
  S(corpus);
  source.append(out, length, random);
};

/// `length` consecutive tokens of a training book, from anywhere in it. Throws Error(usage) if no book is that long.
inline std::span<const std::int32_t> text_window(const Corpus& corpus, int length, Random& random) {
  const auto places = [&](const TokenDocument& book) {
    return static_cast<std::int64_t>(book.tokens.size()) < length
               ? 0
               : static_cast<std::int64_t>(book.tokens.size()) - length + 1;
  };
  std::int64_t all = 0, longest = 0;
  for (const TokenDocument& book : corpus.documents) {
    all += places(book);
    longest = std::max(longest, static_cast<std::int64_t>(book.tokens.size()));
  }
  if (all == 0)
    throw Error(ExitCode::usage, "a window of " + std::to_string(length) +
                                     " tokens was asked for, but the longest of the " +
                                     std::to_string(corpus.documents.size()) + " training books has " +
                                     std::to_string(longest) + "; add a longer book or train on a shorter context");
  std::int64_t place = random.below(static_cast<std::uint32_t>(all));
  for (const TokenDocument& book : corpus.documents) {
    if (place < places(book))
      return std::span(book.tokens).subspan(static_cast<std::size_t>(place), static_cast<std::size_t>(length));
    place -= places(book);
  }
  return {};
}

/// Windows of the training books, behind a beginning-of-sequence token.
class TextWindows {
 public:
  explicit TextWindows(const Corpus& corpus) : corpus_(&corpus) {}

  void append(Tokens& out, int length, Random& random) const {
    if (length <= 0) return;
    out.push_back(corpus_->special.bos);
    const auto window = text_window(*corpus_, length - 1, random);
    out.insert(out.end(), window.begin(), window.end());
  }

 private:
  const Corpus* corpus_;
};

/// One of several sources for each document: `MixedDocuments<Weighted<TextWindows, 40>, Weighted<RecordLists<>, 60>>`.
template <class... Entries>
class MixedDocuments {
 public:
  explicit MixedDocuments(const Corpus& corpus) : sources_(typename Entries::type(corpus)...) {}

  void append(Tokens& out, int length, Random& random) const {
    Choices<Entries...>::draw(random, [&]<std::size_t I>() { std::get<I>(sources_).append(out, length, random); });
  }

 private:
  std::tuple<typename Entries::type...> sources_;
};

}  // namespace longsky
