// longsky/data/chunk_interleave.hpp — CIP: short documents cut in chunks and dealt round robin, so that a document's
// parts lie far apart in one long sequence.
//
//   three documents A B C in two chunks:  A1 B1 C1 A2 B2 C2
//
// LongSkywork (arXiv 2406.00605). Every token is predicted and attention must cross documents: under a document mask
// the parts could not see each other, so `crosses_documents` refuses such a mask and all tokens bear one number.
#pragma once

#include <longsky/data/documents.hpp>
#include <longsky/data/writer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace longsky {

/// Chunks of equal size; what does not divide goes to the last.
struct EqualCuts {
  static std::vector<std::size_t> cuts(std::size_t size, int chunks, Random&) {
    std::vector<std::size_t> at;
    for (int k = 1; k < chunks; ++k)
      at.push_back(static_cast<std::size_t>(k) * (size / static_cast<std::size_t>(chunks)));
    return at;
  }
};

/// Cuts at distinct random places.
struct RandomCuts {
  static std::vector<std::size_t> cuts(std::size_t size, int chunks, Random& random) {
    std::vector<std::size_t> at;
    while (at.size() + 1 < static_cast<std::size_t>(chunks)) {
      const std::size_t cut = 1 + random.below(static_cast<std::uint32_t>(size - 1));
      if (std::find(at.begin(), at.end(), cut) == at.end()) at.push_back(cut);
    }
    std::sort(at.begin(), at.end());
    return at;
  }
};

/// Cuts every document in `chunks` (one that is shorter than that stays whole) and deals the chunks round robin. The
/// result has the same tokens, those of each document in their order.
template <class Cut>
Tokens interleaved(std::span<const Tokens> documents, int chunks, Random& random) {
  std::vector<std::vector<std::size_t>> borders;
  std::size_t rounds = 0, size = 0;
  for (const Tokens& document : documents) {
    const bool whole = document.size() < static_cast<std::size_t>(chunks);
    std::vector<std::size_t> border = whole ? std::vector<std::size_t>() : Cut::cuts(document.size(), chunks, random);
    border.insert(border.begin(), 0);
    border.push_back(document.size());
    rounds = std::max(rounds, border.size() - 1);
    size += document.size();
    borders.push_back(std::move(border));
  }
  Tokens out;
  out.reserve(size);
  for (std::size_t round = 0; round < rounds; ++round)
    for (std::size_t d = 0; d < documents.size(); ++d)
      if (round + 1 < borders[d].size()) {
        const auto first = documents[d].begin();
        out.insert(out.end(), first + static_cast<std::ptrdiff_t>(borders[d][round]),
                   first + static_cast<std::ptrdiff_t>(borders[d][round + 1]));
      }
  return out;
}

/// Layout A: between `Fewest` and `Most` documents of uneven length, which fill the sequence exactly.
template <int Chunks = 2, class Cut = EqualCuts, int Fewest = 3, int Most = 8>
struct PackedGroup {
  static_assert(Chunks > 0 && 0 < Fewest && Fewest <= Most, "longsky: a CIP group needs chunks and documents");

  template <DocumentSource Source>
  static void fill(SequenceWriter& writer, const Source& source, const SpecialTokens&, Random& random) {
    std::vector<float> shares(static_cast<std::size_t>(random.between(Fewest, Most)));
    float total = 0;
    for (float& share : shares) total += share = random.uniform(0.6f, 1.4f);
    std::vector<Tokens> documents(shares.size());
    float sum = 0;
    int done = 0;
    const int room = writer.room();
    for (std::size_t d = 0; d < shares.size(); ++d) {
      sum += shares[d];
      const int end = d + 1 == shares.size() ? room : static_cast<int>(static_cast<float>(room) * (sum / total));
      source.append(documents[d], end - done, random);
      done = end;
    }
    writer.put(interleaved<Cut>(documents, Chunks, random), Role::text);
  }
};

/// Layout B: `Documents` documents of equal length without their beginning-of-sequence tokens, in `Chunks` near-equal
/// pieces, the first ones longer by one token where it does not divide; one such token in front, an end token behind.
template <int Documents, int Chunks = 2>
struct FixedGroup {
  static_assert(Documents > 0 && Chunks > 0, "longsky: a CIP group needs chunks and documents");

  struct NearEqualCuts {
    static std::vector<std::size_t> cuts(std::size_t size, int chunks, Random&) {
      const std::size_t n = static_cast<std::size_t>(chunks);
      std::vector<std::size_t> at;
      for (std::size_t k = 1; k < n; ++k) at.push_back(k * (size / n) + std::min(k, size % n));
      return at;
    }
  };

  template <DocumentSource Source>
  static void fill(SequenceWriter& writer, const Source& source, const SpecialTokens& special, Random& random) {
    const int length = (writer.room() - 1) / Documents;
    std::vector<Tokens> documents(Documents);
    for (Tokens& document : documents) {
      source.append(document, length, random);
      std::erase(document, special.bos);
    }
    writer.begin_document();
    writer.put(interleaved<NearEqualCuts>(documents, Chunks, random), Role::text);
    writer.put(special.end, Role::text);
  }
};

/// Chunk-interleaved pretraining over the documents of a source, in one of the two layouts.
template <DocumentSource Source, class Layout = PackedGroup<>>
class ChunkInterleave {
 public:
  static constexpr bool crosses_documents = true;

  explicit ChunkInterleave(const Corpus& corpus) : special_(corpus.special), source_(corpus) {}

  void fill(Sequence out, Draw& draw) const {
    SequenceWriter writer(out, special_);
    Layout::fill(writer, source_, special_, draw.random);
    writer.finish();
  }

 private:
  SpecialTokens special_;
  Source source_;
};

}  // namespace longsky
