// The four stages of LongSkywork (arXiv 2406.00605) as bases: a recipe adds each one's numbers.
//
//   struct Pretrain : stages::Pretrain<ShortPositions> { static constexpr ls::StageSpec spec{…}; };
#pragma once

#include <longsky/network.hpp>

namespace ls = longsky;

namespace stages {

/// Windows of books, several documents a sequence, each seeing itself alone.
template <class Positions>
struct Pretrain {
  using Data = ls::PackedDocuments<ls::TextWindows>;
  using Mask = ls::WithinDocument<>;
  using Position = Positions;
  using Objective = ls::NextToken;
  using Schedule = ls::Cosine;
};
/// Documents cut in two and interleaved (CIP); all chunks see each other.
template <class Positions>
struct LongPretrain : Pretrain<Positions> {
  using Data = ls::ChunkInterleave<ls::TextWindows>;
  using Mask = ls::Causal;
};
/// Short questions and answers.
template <class Positions>
struct Sft : Pretrain<Positions> {
  using Data = ls::ShortInstructions<>;
  using Objective = ls::ResponseOnly;
};
/// Tables that fill the context (SynL), half of the sequences short questions (our choice of shares).
template <class Positions>
struct LongSft : Sft<Positions> {
  using Data = ls::SideBySide<ls::Weighted<ls::LengthyTables<>, 1>, ls::Weighted<ls::ShortInstructions<>, 1>>;
};

}  // namespace stages
