// longsky/data/packing.hpp — documents back to back, each with its number, until the sequence is full.
#pragma once

#include <longsky/data/documents.hpp>
#include <longsky/data/writer.hpp>

#include <algorithm>
#include <array>

namespace longsky {

/// Documents of a source, each of a length drawn from `Lengths` (repeat one to make it more likely), the last one cut
/// where the sequence ends. Without `Lengths` one document fills the sequence.
template <DocumentSource Source, int... Lengths>
class PackedDocuments {
  static_assert(((Lengths > 1) && ...), "longsky: a packed document must be at least two tokens long");

 public:
  explicit PackedDocuments(const Corpus& corpus) : special_(corpus.special), source_(corpus) {}

  void fill(Sequence out, Draw& draw) const {
    SequenceWriter writer(out, special_);
    Tokens document;
    while (writer.room() > 0) {
      int length = writer.room();
      if constexpr (sizeof...(Lengths) > 0) length = std::min(length, draw.random.pick(std::array{Lengths...}));
      document.clear();
      source_.append(document, std::max(length, 2), draw.random);
      writer.begin_document();
      writer.put(std::span(document).subspan(1), Role::text);
    }
    writer.finish();
  }

 private:
  SpecialTokens special_;
  Source source_;
};

}  // namespace longsky
