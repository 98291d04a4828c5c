// longsky/data/documents.hpp — where running text comes from: a source writes one document of a wanted length.
#pragma once

#include <longsky/data/corpus.hpp>
#include <longsky/data/weighted.hpp>
#include <longsky/data/windows.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace longsky {

/// A document source is made from a corpus; `append` adds exactly `length` tokens of one document.
template <class S>
concept DocumentSource = requires(const S source, const Corpus& corpus, Tokens& out, int length, Random& random) {
  S(corpus);
  source.append(out, length, random);
};

/// Windows of the training books of a corpus.
class BookWindows {
 public:
  explicit BookWindows(const Corpus& corpus) : books_(&corpus.documents), places_(sizes_of(corpus)) {}

  /// `length` consecutive tokens of a book, from anywhere in it. Throws Error(usage) if no book is that long.
  std::span<const std::int32_t> draw(int length, Random& random) const {
    if (length <= 0) return {};
    const WindowPlaces::Place place = places_.draw(length, random);
    return std::span((*books_)[place.document].tokens)
        .subspan(static_cast<std::size_t>(place.first), static_cast<std::size_t>(length));
  }

 private:
  static std::vector<std::int64_t> sizes_of(const Corpus& corpus) {
    std::vector<std::int64_t> sizes;
    for (const TokenDocument& book : corpus.documents) sizes.push_back(static_cast<std::int64_t>(book.tokens.size()));
    return sizes;
  }

  const std::vector<TokenDocument>* books_;
  WindowPlaces places_;
};

/// Windows of the training books, behind a beginning-of-sequence token.
class TextWindows {
 public:
  explicit TextWindows(const Corpus& corpus) : bos_(corpus.special.bos), windows_(corpus) {}

  void append(Tokens& out, int length, Random& random) const {
    if (length <= 0) return;
    out.push_back(bos_);
    const auto window = windows_.draw(length - 1, random);
    out.insert(out.end(), window.begin(), window.end());
  }

 private:
  std::int32_t bos_;
  BookWindows windows_;
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
