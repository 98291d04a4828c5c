// longsky/data/needle.hpp — the needle in a haystack: one sentence with a number in a long text, and a question for it.
//
// After github.com/gkamradt/LLMTest_NeedleInAHaystack; scored by the number, exactly, or by its log-likelihood among
// others. Nothing of the needle or its haystack is in the training data: key pool and text are the caller's choice.
#pragma once

#include <longsky/data/corpus.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace longsky {

/// One question, in tokens.
struct NeedleSample {
  Tokens prompt;                    ///< up to and with <assistant>
  Tokens answer;                    ///< what greedy decoding must say, <end> included
  std::vector<Tokens> distractors;  ///< other answers of the same length
  std::string key, number;
  int needle_at = 0;  ///< where in the prompt the needle starts
};

/// What to ask.
struct NeedleQuery {
  int length;    ///< prompt and answer together, tokens
  double depth;  ///< 0 at the beginning of the haystack, 1 at its end
  int distractors = 9;
};

/// Puts a needle at `depth` of a random window of the haystack, after the nearest sentence end where there is one close
/// by. Throws Error(usage) if the haystack is shorter than the length asks for, or the length than the question.
inline NeedleSample make_needle(const Corpus& corpus, Random& random, NeedleQuery query, const KeyPool& keys,
                                const TokenDocument& haystack) {
  const auto tokens = [&](const std::string& text) {
    Tokens out;
    corpus.encode(text, out);
    return out;
  };
  const auto answer = [&](const std::string& number) {
    Tokens out = tokens(number);
    out.push_back(corpus.special.end);
    return out;
  };

  NeedleSample sample;
  sample.key = keys.draw(random);
  sample.number = draw_six_digits(random);
  sample.answer = answer(sample.number);
  std::vector<std::string> numbers = {sample.number};
  while (static_cast<int>(numbers.size()) <= query.distractors) {
    std::string other = draw_six_digits(random);
    if (std::find(numbers.begin(), numbers.end(), other) != numbers.end()) continue;
    sample.distractors.push_back(answer(other));
    numbers.push_back(std::move(other));
  }

  const Tokens needle = tokens(" The special magic number for" + sample.key + " is " + sample.number + ".");
  Tokens question = tokens("\nWhat is the special magic number for" + sample.key + "?");
  question.push_back(corpus.special.assistant);
  const auto fixed = static_cast<int>(2 + needle.size() + question.size() + sample.answer.size());
  const int hay = query.length - fixed;
  if (hay < 0 || static_cast<std::size_t>(hay) > haystack.tokens.size())
    throw Error(ExitCode::usage, "a needle sample of " + std::to_string(query.length) +
                                     " tokens was asked for; expected " + std::to_string(fixed) + " to " +
                                     std::to_string(static_cast<std::size_t>(fixed) + haystack.tokens.size()) +
                                     " with the haystack " + haystack.name + " of " +
                                     std::to_string(haystack.tokens.size()) + " tokens");
  const std::size_t first = random.below64(haystack.tokens.size() - static_cast<std::size_t>(hay) + 1);
  const std::span<const std::int32_t> window = std::span(haystack.tokens).subspan(first, static_cast<std::size_t>(hay));

  const Tokens borders = tokens(".!?\n");
  const auto sentence_ends = [&](int i) {
    return std::find(borders.begin(), borders.end(), window[static_cast<std::size_t>(i - 1)]) != borders.end();
  };
  const int wanted = static_cast<int>(std::lround(query.depth * hay));
  int place = wanted;
  constexpr int reach = 32;  // tokens: about a sentence
  for (int step = 0; step <= reach && wanted > 0 && wanted < hay; ++step) {
    if (wanted - step > 0 && sentence_ends(wanted - step)) {
      place = wanted - step;
      break;
    }
    if (wanted + step < hay && sentence_ends(wanted + step)) {
      place = wanted + step;
      break;
    }
  }

  sample.prompt = {corpus.special.bos, corpus.special.user};
  sample.prompt.insert(sample.prompt.end(), window.begin(), window.begin() + place);
  sample.needle_at = static_cast<int>(sample.prompt.size());
  sample.prompt.insert(sample.prompt.end(), needle.begin(), needle.end());
  sample.prompt.insert(sample.prompt.end(), window.begin() + place, window.end());
  sample.prompt.insert(sample.prompt.end(), question.begin(), question.end());
  return sample;
}

}  // namespace longsky
