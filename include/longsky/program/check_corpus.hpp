// longsky/program/check_corpus.hpp — asks a corpus, before a run begins, for everything the run will ask of it later.
//
// A book that is too short for the third stage is said in the first second, not after an hour of the first two.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/random.hpp>
#include <longsky/core/stop.hpp>
#include <longsky/data/batch.hpp>
#include <longsky/data/corpus.hpp>
#include <longsky/data/needle.hpp>
#include <longsky/eval/needle.hpp>
#include <longsky/train/recipe.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <tuple>

namespace longsky {

/// Draws sequences of one stage. Throws what its data throws, and names the stage; Error(usage) where none of many
/// sequences has a token that is trained.
inline void check_stage_data(const StageSpec& stage,
                             const std::function<void(Batch&, std::uint64_t index, double progress)>& fill) {
  // Of a mixture, the part that asks for the most must be among the draws; of data that seldom trains, one that does.
  constexpr int draws = 16, most = 1024;
  Batch batch(1, stage.context);
  std::int64_t trained = 0;
  try {
    for (int i = 0; i < draws || (trained == 0 && i < most);
         ++i, trained += batch.trained, heed_stop("trying the data"))
      fill(batch, static_cast<std::uint64_t>(i), static_cast<double>(i % draws) / draws);
  } catch (const Error& e) {
    throw Error(e.code(), std::string(e.what()) + " (found while trying the data of stage " + stage.name + ")");
  }
  if (trained == 0)
    throw Error(ExitCode::usage, "stage " + std::string(stage.name) + " would train nothing: of " +
                                     std::to_string(most) +
                                     " sequences tried, none has a token of a role that its objective trains and "
                                     "that its mask lets be predicted; check its data and its objective");
}

/// Draws sequences of every stage of `R`, and needles of every length of the grid. Throws Error(usage) with the stage
/// and what to do where the corpus has too little for one.
template <Recipe R>
[[gnu::cold]] void check_corpus(const Corpus& corpus, bool development, std::uint64_t seed) {
  for_each_stage<R>([&]<class S>(std::size_t) {
    const typename S::Data data(corpus);
    check_stage_data(S::spec, [&](Batch& batch, std::uint64_t index, double progress) {
      fill_batch<typename S::Data, typename S::Objective, typename S::Mask>(batch, data, seed, stream_of(S::spec.name),
                                                                            index, progress);
    });
  });
  const TokenDocument& haystack = development ? corpus.development : corpus.held_out;
  if (static_cast<std::int64_t>(haystack.tokens.size()) <= R::model.context)
    throw Error(ExitCode::usage, "the book " + haystack.name + " has " + std::to_string(haystack.tokens.size()) +
                                     " tokens to evaluate on; expected more than the context of " +
                                     std::to_string(R::model.context) + ". Hold out a longer book with --held-out");
  for (const int length : doubling_lengths(std::tuple_element_t<0, StagesOf<R>>::spec.context, R::model.context)) {
    Random random(seed, stream_of("check"), 0);
    make_needle(corpus, random, {.length = length, .depth = 0.5},
                development ? corpus.development_keys : corpus.test_keys, haystack);
  }
}

}  // namespace longsky
