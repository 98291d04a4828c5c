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
#include <optional>
#include <span>
#include <vector>

namespace longsky {

/// Where a document is cut: places in it that never decrease.
using Cuts = std::vector<std::size_t>;

/// Chunks of equal size; what does not divide goes to the last. A document shorter than its chunks stays whole.
struct EqualCuts {
  static Cuts cuts(std::size_t size, int chunks, Random&) {
    Cuts at;
    const std::size_t n = static_cast<std::size_t>(chunks), chunk = size / n;
    for (std::size_t k = 1; k < n && chunk > 0; ++k) at.push_back(k * chunk);
    return at;
  }
};

/// Cuts at distinct random places. A document shorter than its chunks stays whole.
struct RandomCuts {
  static Cuts cuts(std::size_t size, int chunks, Random& random) {
    Cuts at;
    while (size >= static_cast<std::size_t>(chunks) && at.size() + 1 < static_cast<std::size_t>(chunks)) {
      const std::size_t cut = 1 + random.below(static_cast<std::uint32_t>(size - 1));
      if (std::find(at.begin(), at.end(), cut) == at.end()) at.push_back(cut);
    }
    std::sort(at.begin(), at.end());
    return at;
  }
};

/// Chunks of equal size, the first ones longer by one token where it does not divide: a document shorter than its
/// chunks is dealt token by token.
inline Cuts near_equal_cuts(std::size_t size, int chunks) {
  Cuts at;
  const std::size_t n = static_cast<std::size_t>(chunks);
  for (std::size_t k = 1; k < n; ++k) at.push_back(k * (size / n) + std::min(k, size % n));
  return at;
}

/// The chunks of `documents`, cut at `cuts`, round robin. The result has the same elements, those of each document in
/// their order.
template <class T>
std::vector<T> dealt(std::span<const std::vector<T>> documents, std::span<const Cuts> cuts) {
  std::size_t rounds = 0, size = 0;
  for (std::size_t d = 0; d < documents.size(); ++d) {
    rounds = std::max(rounds, cuts[d].size() + 1);
    size += documents[d].size();
  }
  std::vector<T> out;
  out.reserve(size);
  for (std::size_t round = 0; round < rounds; ++round)
    for (std::size_t d = 0; d < documents.size(); ++d)
      if (round <= cuts[d].size()) {
        const std::size_t first = round == 0 ? 0 : cuts[d][round - 1];
        const std::size_t last = round == cuts[d].size() ? documents[d].size() : cuts[d][round];
        const auto begin = documents[d].begin();
        out.insert(out.end(), begin + static_cast<std::ptrdiff_t>(first), begin + static_cast<std::ptrdiff_t>(last));
      }
  return out;
}

/// Cuts every document in `chunks` and deals the chunks round robin.
template <class Cut>
Tokens interleaved(std::span<const Tokens> documents, int chunks, Random& random) {
  std::vector<Cuts> cuts;
  for (const Tokens& document : documents) cuts.push_back(Cut::cuts(document.size(), chunks, random));
  return dealt<std::int32_t>(documents, cuts);
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

/// A document's tokens and what each of them is; no roles: all of it is running text.
struct MarkedTokens {
  Tokens tokens = {};
  std::vector<Role> roles = {};

  Role role(std::size_t i) const { return roles.empty() ? Role::text : roles[i]; }
};

/// What stands around documents; `begin` is absent where texts have none.
struct FrameTokens {
  std::optional<std::int32_t> begin;
  std::int32_t end, pad;
};

/// OLMo-core's fixed group (NumpyInterleavedFSLDataset), to the token: of each document as much as an equal share of
/// the free room, begin and end token counted; then without those and without padding, near-equal pieces round robin. A
/// begin token in front and an end token behind stand where room is left for them.
inline void write_fixed_group(SequenceWriter& writer, std::span<const MarkedTokens> documents, int chunks,
                              const FrameTokens& frame) {
  std::vector<Tokens> tokens(documents.size());
  std::vector<std::vector<Role>> roles(documents.size());
  std::vector<Cuts> cuts;
  const std::size_t share = static_cast<std::size_t>(writer.room()) / documents.size();
  std::size_t size = 0;
  for (std::size_t d = 0; d < documents.size(); ++d) {
    for (std::size_t i = 0; i < std::min(share, documents[d].tokens.size()); ++i) {
      const std::int32_t token = documents[d].tokens[i];
      if (token == frame.begin || token == frame.end || token == frame.pad) continue;
      tokens[d].push_back(token);
      roles[d].push_back(documents[d].role(i));
    }
    cuts.push_back(near_equal_cuts(tokens[d].size(), chunks));
    size += tokens[d].size();
  }
  if (frame.begin && size < static_cast<std::size_t>(writer.room())) writer.put(*frame.begin, Role::text);
  const Tokens all = dealt<std::int32_t>(tokens, cuts);
  const std::vector<Role> of_all = dealt<Role>(roles, cuts);
  for (std::size_t i = 0; i < all.size(); ++i) writer.put(all[i], of_all[i]);
  writer.put(frame.end, Role::text);
}

/// A document that OLMo-core exempts from interleaving: from its beginning, as it is.
inline void write_whole(SequenceWriter& writer, const MarkedTokens& document) {
  for (std::size_t i = 0; i < document.tokens.size(); ++i) writer.put(document.tokens[i], document.role(i));
}

/// Layout B: `Documents` documents of equal length in `Chunks` near-equal pieces, as write_fixed_group has it.
template <int Documents, int Chunks = 2>
struct FixedGroup {
  static_assert(Documents > 0 && Chunks > 0, "longsky: a CIP group needs chunks and documents");

  template <DocumentSource Source>
  static void fill(SequenceWriter& writer, const Source& source, const SpecialTokens& special, Random& random) {
    std::vector<MarkedTokens> documents(Documents);
    const int share = writer.room() / Documents;
    for (MarkedTokens& document : documents) source.append(document.tokens, share, random);
    write_fixed_group(writer, documents, Chunks, {special.bos, special.end, special.pad});
  }
};

/// Layout C: one document, whole. A `Mixture` sets it beside another layout for sources that are not to be interleaved.
struct WholeDocument {
  template <DocumentSource Source>
  static void fill(SequenceWriter& writer, const Source& source, const SpecialTokens&, Random& random) {
    MarkedTokens document;
    source.append(document.tokens, writer.room(), random);
    write_whole(writer, document);
  }
};

/// Chunk-interleaved pretraining over the documents of a source, in one of the three layouts.
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
