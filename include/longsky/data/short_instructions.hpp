// longsky/data/short_instructions.hpp — ordinary short SFT: tables, facts in prose and small tasks on lists of words.
//
// Each sample is a conversation of at most `Length` tokens and a document of its own; as many as fit share a sequence.
#pragma once

#include <longsky/data/documents.hpp>
#include <longsky/data/table_formats.hpp>
#include <longsky/data/table_tasks.hpp>
#include <longsky/data/turns.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace longsky {

/// How facts are worded.
enum class Facts {
  any,             ///< half of them as in the needle test: "The special magic number for zebra is 482913."
  without_needle,  ///< never so: "The price of zebra is 482913."
};

/// Half tables with many questions, four in ten facts (most of them hidden in prose), one in ten lists of words.
template <int Length = 256, Facts Wording = Facts::any, class Formats = PlainFormats, class Tasks = LookupOnly>
class ShortInstructions {
  static_assert(Length >= 96, "longsky: a short instruction needs at least 96 tokens");

 public:
  static constexpr bool answers_questions = true;

  explicit ShortInstructions(const Corpus& corpus) : corpus_(&corpus), windows_(corpus) {}

  void fill(Sequence out, Draw& draw) const {
    constexpr int shortest = 96, most_failures = 20;
    SequenceWriter writer(out, corpus_->special);
    for (int failures = 0; writer.room() >= shortest && failures < most_failures;)
      if (!sample(writer, std::min(Length, writer.room()), draw.random)) ++failures;
    if (writer.written() == 0)
      throw Error(ExitCode::usage, "no short instruction fits a context of " + std::to_string(out.context()) +
                                       " tokens; expected a context of at least " + std::to_string(shortest));
    writer.finish();
  }

 private:
  bool sample(SequenceWriter& writer, int length, Random& random) const {
    TurnWriter turns(writer, *corpus_, length);
    const float kind = random.uniform();
    if (kind < 0.1f) {
      words(turns, random);
    } else if (kind < 0.5f) {
      facts(turns, length, random);
    } else {
      const int budget = static_cast<int>(static_cast<float>(length) * random.uniform(0.3f, 0.6f));
      const WrittenTable written = draw_table<Formats>(*corpus_, budget, 3, random);
      ask_about<Tasks>(turns, written.table, written.tokens, length, random);
    }
    return turns.turns() > 0;
  }

  std::vector<std::string> distinct_keys(int count, Random& random) const {
    DistinctKeys keys(corpus_->keys);
    std::vector<std::string> out;
    for (int i = 0; i < count; ++i) out.push_back(keys.draw(random));
    return out;
  }

  void facts(TurnWriter& turns, int length, Random& random) const {
    const int wanted = random.between(40, std::max(41, length - 80));
    const bool prose = random.chance(0.7f);
    const bool magic = Wording == Facts::any && random.chance(0.5f);
    Table table;
    table.columns.push_back(magic ? "special magic number" : random.pick(corpus_->columns));
    table.keys = distinct_keys(prose ? random.between(1, 4) : random.between(3, 8), random);
    std::vector<Tokens> sentences;
    int left = wanted;
    for (const std::string& key : table.keys) {
      const std::string& value = table.cells.emplace_back(draw_number(random));
      const char* preposition = magic || random.chance(0.5f) ? " for" : " of";
      corpus_->encode(" The " + table.column(0) + preposition + key + " is " + value + ".", sentences.emplace_back());
      left -= static_cast<int>(sentences.back().size());
    }
    Tokens context;
    if (prose) {
      const auto text = windows_.draw(std::max(8, left), random);
      std::vector<std::size_t> places;
      for (std::size_t i = 0; i < sentences.size(); ++i)
        places.push_back(random.below(static_cast<std::uint32_t>(text.size() + 1)));
      std::sort(places.begin(), places.end());
      std::size_t done = 0;
      for (std::size_t i = 0; i < sentences.size(); ++i) {
        context.insert(context.end(), text.begin() + static_cast<std::ptrdiff_t>(done),
                       text.begin() + static_cast<std::ptrdiff_t>(places[i]));
        context.insert(context.end(), sentences[i].begin(), sentences[i].end());
        done = places[i];
      }
      context.insert(context.end(), text.begin() + static_cast<std::ptrdiff_t>(done), text.end());
    } else {
      for (const Tokens& sentence : sentences) context.insert(context.end(), sentence.begin(), sentence.end());
    }
    corpus_->encode("\n", context);
    ask_about<LookupOnly>(turns, table, context, 8, random);
  }

  void words(TurnWriter& turns, Random& random) const {
    const std::vector<std::string> keys = distinct_keys(random.between(3, 12), random);
    std::string list;
    for (const std::string& key : keys) list += (list.empty() ? "" : ",") + key;
    list += '.';
    std::vector<QuestionAnswer> questions = {{"What is the first word?", keys.front()},
                                             {"What is the last word?", keys.back()},
                                             {"How many words?", std::to_string(keys.size())},
                                             {"Copy the words.", list}};
    random.shuffle(questions);
    for (std::size_t i = 0; i + 1 < keys.size(); ++i)
      if (random.chance(0.4f)) questions.push_back({"What comes after" + keys[i] + "?", keys[i + 1]});
    Tokens context;
    corpus_->encode("Words:" + list + "\n", context);
    std::span<const std::int32_t> first = context;
    for (const auto& [question, answer] : questions) {
      if (!turns.turn(first, question, answer)) return;
      first = {};
    }
  }

  const Corpus* corpus_;
  BookWindows windows_;
};

}  // namespace longsky
