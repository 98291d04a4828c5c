// longsky/data/writer.hpp — fills a sequence from the left, document by document.
#pragma once

#include <longsky/data/corpus.hpp>

#include <algorithm>
#include <cstdint>
#include <span>

namespace longsky {

/// Writes tokens with their role and document; whatever does not fit is dropped, whatever stays free is padding.
class SequenceWriter {
 public:
  SequenceWriter(Sequence out, const SpecialTokens& special) : out_(out), special_(special) {}

  /// Opens a document with its beginning-of-sequence token, whose prediction would teach nothing.
  void begin_document() {
    if (at_ > 0) ++document_;
    put(special_.bos, Role::silent);
  }

  void put(std::int32_t token, Role role) {
    if (at_ == out_.tokens.size()) return;
    out_.tokens[at_] = token;
    out_.roles[at_] = role;
    out_.documents[at_] = document_;
    ++at_;
  }

  void put(std::span<const std::int32_t> tokens, Role role) {
    for (std::int32_t token : tokens) put(token, role);
  }

  /// How many more tokens fit.
  int room() const { return static_cast<int>(out_.tokens.size() - at_); }
  int written() const { return static_cast<int>(at_); }

  /// Pads the rest as a document of its own and numbers the positions from 0.
  void finish() {
    if (room() > 0 && at_ > 0) ++document_;
    while (room() > 0) put(special_.pad, Role::silent);
    for (std::size_t i = 0; i < out_.positions.size(); ++i) out_.positions[i] = static_cast<std::int32_t>(i);
  }

 private:
  Sequence out_;
  SpecialTokens special_;
  std::size_t at_ = 0;
  std::int32_t document_ = 0;
};

}  // namespace longsky
