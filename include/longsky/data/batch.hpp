// longsky/data/batch.hpp — B sequences side by side on one token axis, with the token that each is to predict.
//
//   targets[t] = tokens[t + 1] if the objective trains it and the mask lets its document be seen, else -1
#pragma once

#include <longsky/data/mixture.hpp>
#include <longsky/data/source.hpp>
#include <longsky/spec/mask.hpp>
#include <longsky/spec/objective.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace longsky {

/// A batch of `sequences` x `context` tokens. Its memory is taken once and used again by every fill.
struct Batch {
  std::vector<std::int32_t> tokens, targets, documents, positions;  // [sequences * context]
  int sequences = 0, context = 0;
  std::int64_t trained = 0;  ///< targets that are not -1

  Batch() = default;
  Batch(int rows, int columns) : sequences(rows), context(columns) {
    const std::size_t n = static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
    for (auto* array : {&tokens, &targets, &documents, &positions}) array->resize(n);
  }
};

/// What a stage does with a token: whether its objective trains it, and whether its mask keeps documents apart.
struct TargetRule {
  bool (*trains)(Role);
  bool isolates_documents;
};

/// As below, for a policy and a rule that are known at run time: `fill` writes one sequence. One function for all
/// stages: a batch is filled once a pass, so the calls cost nothing, and each stage's own copy would be compiled.
inline void fill_batch(Batch& batch, const std::function<void(const Sequence&, Draw&)>& fill, const TargetRule& rule,
                       std::uint64_t seed, std::uint32_t stream, std::uint64_t first_index, double progress) {
  const std::size_t context = static_cast<std::size_t>(batch.context), length = context + 1;
  std::vector<std::int32_t> numbers(3 * length);
  std::vector<Role> roles(length);
  const std::span<std::int32_t> all(numbers);
  const Sequence sequence{all.first(length), roles, all.subspan(length, length), all.last(length)};
  batch.trained = 0;
  for (int b = 0; b < batch.sequences; ++b) {
    const std::uint64_t index = first_index + static_cast<std::uint64_t>(b);
    Draw draw{index, progress, Random(seed, stream, index)};
    fill(sequence, draw);
    const std::size_t row = static_cast<std::size_t>(b) * context;
    for (std::size_t t = 0; t < context; ++t) {
      const bool seen = !rule.isolates_documents || sequence.documents[t] == sequence.documents[t + 1];
      const bool trains = seen && rule.trains(sequence.roles[t + 1]);
      batch.tokens[row + t] = sequence.tokens[t];
      batch.targets[row + t] = trains ? sequence.tokens[t + 1] : -1;
      batch.documents[row + t] = sequence.documents[t];
      batch.positions[row + t] = sequence.positions[t];
      batch.trained += trains ? 1 : 0;
    }
  }
}

/// Fills a batch with the sequences first_index, first_index + 1, … of a stage. `stream` numbers the stage (stream_of
/// its name). Equal arguments give equal batches, and a sequence does not depend on how many share its batch.
template <class Data, class Objective, class Mask>
void fill_batch(Batch& batch, const Data& data, std::uint64_t seed, std::uint32_t stream, std::uint64_t first_index,
                double progress) {
  static_assert(DataPolicy<Data> && longsky::Objective<Objective> && MaskPolicy<Mask>);
  static_assert(!(CrossesDocuments<Data> && Mask::isolates_documents),
                "longsky: chunk interleaving needs attention across documents; use a mask such as Causal");
  fill_batch(
      batch, [&data](const Sequence& out, Draw& draw) { data.fill(out, draw); },
      {[](Role role) { return Objective::trains(role); }, Mask::isolates_documents}, seed, stream, first_index,
      progress);
}

}  // namespace longsky
