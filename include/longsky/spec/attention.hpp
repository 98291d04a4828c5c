// longsky/spec/attention.hpp — the sequences that one call of attention takes, and their tokens as a mask sees them.
#pragma once

#include <longsky/core/config.hpp>
#include <longsky/spec/mask.hpp>

#include <cstdint>

namespace longsky {

/// The tokens of one sequence. `documents` [context]; nullptr: one document.
struct SequencePlaces {
  const std::int32_t* documents;
  LONGSKY_HD TokenPlace operator[](int index) const { return {index, documents ? documents[index] : 0}; }
  LONGSKY_HD TokenRange range(int first, int last) const { return {(*this)[first], (*this)[last]}; }
};

/// Sequences of one batch. `documents` [sequences * context]; nullptr: every sequence is one document. `bounds`: what
/// attention_bounds has written for these very documents and this mask; nullptr: each call finds it out for itself.
struct AttentionBatch {
  std::int64_t sequences;
  int context;
  const std::int32_t* documents;
  const std::int32_t* bounds = nullptr;

  LONGSKY_HD SequencePlaces places(std::int64_t sequence) const {
    return {documents ? documents + sequence * context : nullptr};
  }
};

}  // namespace longsky
