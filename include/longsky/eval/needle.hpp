// longsky/eval/needle.hpp — the needle grid: how many needles a model finds, by length and depth.
//
// Right means: greedy decoding says the number and then the end token, nothing else. Beside it, for models that know
// but do not say: is the right answer likelier than every distractor of the same length? Words, numbers and haystack
// are the reported ones, never seen in training, or the development ones that settings are chosen by.
#pragma once

#include <longsky/data/corpus.hpp>
#include <longsky/data/needle.hpp>
#include <longsky/eval/generate.hpp>
#include <longsky/eval/report_data.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace longsky {

/// The cells of a grid.
struct NeedleGridSpec {
  std::vector<int> lengths;
  std::vector<double> depths = {0, 0.2, 0.4, 0.6, 0.8, 1};
  int samples = 10;
};

/// Lengths from half the shortest to the longest context, doubling.
inline std::vector<int> doubling_lengths(int shortest, int longest) {
  std::vector<int> lengths;
  for (int length = shortest / 2; length < longest; length *= 2) lengths.push_back(length);
  lengths.push_back(longest);
  return lengths;
}

namespace needle {

template <class Reader>
bool says(Reader& reader, std::span<const float> logits, std::span<const std::int32_t> answer) {
  for (std::size_t i = 0; i < answer.size(); ++i) {
    if (greedy(logits) != answer[i]) return false;
    if (i + 1 < answer.size()) logits = reader.append(answer[i]);
  }
  return true;
}

template <class Reader>
double likelihood(Reader& reader, std::span<const float> logits, std::span<const std::int32_t> answer) {
  double sum = 0;
  for (std::size_t i = 0; i < answer.size(); ++i) {
    sum += log_probability(logits, answer[i]);
    if (i + 1 < answer.size()) logits = reader.append(answer[i]);
  }
  return sum;
}

}  // namespace needle

/// Fills the grid. `after_each` is called after every sample and may throw to stop.
template <class Reader, class AfterEach>
[[gnu::cold]] NeedleGrid needle_grid(Reader& reader, const Corpus& corpus, const NeedleGridSpec& cells,
                                     std::uint64_t seed, bool development, const AfterEach& after_each) {
  const KeyPool& keys = development ? corpus.development_keys : corpus.test_keys;
  const TokenDocument& haystack = development ? corpus.development : corpus.held_out;
  const std::uint32_t stream = stream_of(development ? "needle.development" : "needle.report");
  NeedleGrid grid{cells.lengths, cells.depths, {}, {}, cells.samples};
  std::uint64_t index = 0;
  for (int length : cells.lengths) {
    auto& exact = grid.exact.emplace_back();
    auto& ranked = grid.ranked.emplace_back();
    for (double depth : cells.depths) {
      int said = 0, first = 0;
      for (int i = 0; i < cells.samples; ++i, ++index) {
        Random random(seed, stream, index);
        const NeedleSample sample = make_needle(corpus, random, {.length = length, .depth = depth}, keys, haystack);
        const auto start = reader.read(sample.prompt);
        const std::vector<float> logits(start.begin(), start.end());
        const int end = reader.length();
        const auto again = [&] {
          reader.rewind(end);
          return std::span<const float>(logits);
        };
        said += needle::says(reader, again(), sample.answer);
        const double right = needle::likelihood(reader, again(), sample.answer);
        first += std::all_of(sample.distractors.begin(), sample.distractors.end(),
                             [&](const auto& other) { return needle::likelihood(reader, again(), other) < right; });
        after_each();
      }
      exact.push_back(static_cast<double>(said) / cells.samples);
      ranked.push_back(static_cast<double>(first) / cells.samples);
    }
  }
  return grid;
}

}  // namespace longsky
