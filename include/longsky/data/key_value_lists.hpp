// longsky/data/key_value_lists.hpp — the warm-up: a few rows, then the same rows in random order until the list is
// full.
//
// Only the repeated values are trained, so the one way down is to find the row and copy. Lists grow with the stage.
#pragma once

#include <longsky/data/row_formats.hpp>
#include <longsky/data/writer.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace longsky {

/// Lists of one difficulty.
struct ListLevel {
  double until;  ///< the stage's progress up to which it lasts
  int fewest_rows, most_rows;
  int length;     ///< tokens of a list
  float numbers;  ///< share of lists whose values are numbers, not words
  bool plain;     ///< one-word keys, six digits, the colon format only
};

/// Levels that were seen to work: copying forms on the first, matching on the second and third.
struct WarmUpLevels {
  static constexpr std::array levels = {
      ListLevel{0.12, 2, 3, 40, 0.0f, true},    ListLevel{0.20, 3, 5, 64, 0.0f, true},
      ListLevel{0.30, 5, 9, 128, 0.0f, true},   ListLevel{0.50, 5, 9, 128, 0.15f, true},
      ListLevel{0.75, 5, 10, 160, 0.5f, false}, ListLevel{1.00, 8, 16, 256, 0.5f, false},
  };
};

/// Lists of the level that the stage has reached, packed as separate documents.
template <class Levels = WarmUpLevels>
class KeyValueLists {
 public:
  explicit KeyValueLists(const Corpus& corpus) : corpus_(&corpus) {}

  void fill(Sequence out, Draw& draw) const {
    const auto reached = std::find_if(Levels::levels.begin(), Levels::levels.end() - 1,
                                      [&](const ListLevel& level) { return draw.progress < level.until; });
    SequenceWriter writer(out, corpus_->special);
    while (writer.room() > reached->length / 2) write(writer, *reached, draw.random);
    writer.finish();
  }

 private:
  struct Row {
    Tokens before, value, after;
  };

  std::vector<Row> rows(const ListLevel& level, Random& random) const {
    const Corpus& corpus = *corpus_;
    const RowFormat format = level.plain ? colon_row : draw_row_format(random);
    const bool numbers = random.chance(level.numbers);
    int count = random.between(level.fewest_rows, level.most_rows);
    if (numbers) count = std::max(2, count / 2);  // a number is twice as long as a word
    DistinctKeys keys(corpus.keys);
    std::vector<Row> rows;
    while (static_cast<int>(rows.size()) < count) {
      const std::string key = level.plain ? keys.draw_word(random) : keys.draw(random);
      const std::string value = !numbers      ? random.pick(corpus.keys.words)
                                : level.plain ? draw_six_digits(random)
                                              : draw_number(random);
      Row& row = rows.emplace_back();
      corpus.encode(std::string(format.before) + key + std::string(format.between) + (numbers ? " " : ""), row.before);
      corpus.encode(value, row.value);
      corpus.encode(format.after, row.after);
    }
    return rows;
  }

  void write(SequenceWriter& writer, const ListLevel& level, Random& random) const {
    const int end = writer.written() + std::min(level.length + 1, writer.room());
    std::vector<Row> list = rows(level, random);
    const auto put = [&](const Tokens& tokens, Role role) {
      const auto left = static_cast<std::size_t>(std::max(0, end - writer.written()));
      writer.put(std::span(tokens).first(std::min(tokens.size(), left)), role);
    };
    writer.begin_document();
    for (Role role = Role::silent; writer.written() < end; role = Role::response) {
      for (const Row& row : list) {
        put(row.before, Role::silent);
        put(row.value, role);
        put(row.after, Role::silent);
      }
      random.shuffle(list);
    }
  }

  const Corpus* corpus_;
};

}  // namespace longsky
