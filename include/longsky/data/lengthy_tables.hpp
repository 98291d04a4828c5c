// longsky/data/lengthy_tables.hpp — SynL: one table that fills the context, then questions and answers about it.
//
// LongSkywork (arXiv 2406.00605) names synthetic lengthy tables and no templates: formats, tasks and wordings are ours.
#pragma once

#include <longsky/data/table_formats.hpp>
#include <longsky/data/table_tasks.hpp>
#include <longsky/data/turns.hpp>

#include <algorithm>
#include <string>

namespace longsky {

/// A table of up to `MostColumns` number columns and up to `Turns` questions (fewer in contexts below 64 tokens a
/// turn).
template <class Formats = PlainFormats, class Tasks = LookupOnly, int Turns = 32, int MostColumns = 3>
class LengthyTables {
  static_assert(Turns > 0 && MostColumns > 0, "longsky: a lengthy table needs columns and questions");

 public:
  static constexpr bool answers_questions = true;

  explicit LengthyTables(const Corpus& corpus) : corpus_(&corpus) {}

  void fill(Sequence out, Draw& draw) const {
    constexpr int tokens_per_turn = 20, tokens_per_turn_and_rows = 64;
    SequenceWriter writer(out, corpus_->special);
    const int turns = std::clamp(writer.room() / tokens_per_turn_and_rows, 1, Turns);
    const int budget = writer.room() - turns * tokens_per_turn - 8;
    const WrittenTable written = draw_table<Formats>(*corpus_, budget, MostColumns, draw.random);
    TurnWriter conversation(writer, *corpus_, writer.room());
    ask_about<Tasks>(conversation, written.table, written.tokens, Turns, draw.random);
    if (conversation.turns() == 0)
      throw Error(ExitCode::usage, "a table of two rows and a question do not fit a context of " +
                                       std::to_string(out.context()) +
                                       " tokens; use a longer context or fewer columns");
    writer.finish();
  }

 private:
  const Corpus* corpus_;
};

}  // namespace longsky
