// longsky/data/source.hpp — what a data policy fills, and what it must offer.
//
// A policy is a pure function: sequence `index` of a stage depends on (corpus, seed, stage, index) and nothing else, so
// a run can be resumed anywhere at no cost, and sequences can be made ahead by another thread.
#pragma once

#include <longsky/core/random.hpp>
#include <longsky/spec/objective.hpp>

#include <cstdint>
#include <span>

namespace longsky {

/// One sequence to fill: T + 1 tokens, so that each of the first T has a successor to predict.
struct Sequence {
  std::span<std::int32_t> tokens;     // [T + 1]
  std::span<Role> roles;              // [T + 1]
  std::span<std::int32_t> documents;  // [T + 1], never decreasing
  std::span<std::int32_t> positions;  // [T + 1], 0 … T by default; a policy may leave gaps

  int context() const { return static_cast<int>(tokens.size()) - 1; }
};

/// What a policy may depend on besides its corpus.
struct Draw {
  std::uint64_t index;  ///< the sequence's number in its stage
  double progress;      ///< how much of the stage is done, [0, 1)
  Random random;        ///< this sequence's own numbers
};

struct Corpus;

/// A data policy is made from a corpus and fills sequences. `fill` writes all four arrays.
template <class D>
concept DataPolicy = requires(const D data, const Corpus& corpus, Sequence out, Draw draw) {
  D(corpus);
  data.fill(out, draw);
};

}  // namespace longsky
