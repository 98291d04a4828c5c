// longsky/data/turns.hpp — a conversation in tokens: <user> context question <assistant> answer <end>, and so on.
#pragma once

#include <longsky/data/table.hpp>
#include <longsky/data/table_tasks.hpp>
#include <longsky/data/writer.hpp>

#include <span>
#include <string_view>

namespace longsky {

/// Writes turns into a sequence, up to `length` tokens from where it starts. Only answers and their ends are trained.
class TurnWriter {
 public:
  TurnWriter(SequenceWriter& writer, const Corpus& corpus, int length)
      : writer_(writer), corpus_(corpus), end_(writer.written() + std::min(length, writer.room())) {}

  /// Writes a whole turn, the first one as the start of a document; returns false and writes nothing if it does not
  /// fit.
  bool turn(std::span<const std::int32_t> context, std::string_view question, std::string_view answer) {
    question_.clear();
    answer_.clear();
    corpus_.encode(question, question_);
    corpus_.encode(answer, answer_);
    const std::size_t size = context.size() + question_.size() + answer_.size() + (turns_ == 0 ? 4 : 3);
    if (writer_.written() + static_cast<std::int64_t>(size) > end_) return false;
    if (turns_++ == 0) writer_.begin_document();
    writer_.put(corpus_.special.user, Role::prompt);
    writer_.put(context, Role::prompt);
    writer_.put(question_, Role::prompt);
    writer_.put(corpus_.special.assistant, Role::prompt);
    writer_.put(answer_, Role::response);
    writer_.put(corpus_.special.end, Role::response);
    return true;
  }

  /// Turns written so far.
  int turns() const { return turns_; }

 private:
  SequenceWriter& writer_;
  const Corpus& corpus_;
  std::int64_t end_;
  Tokens question_, answer_;
  int turns_ = 0;
};

/// Asks `Tasks` about a table, at most `most` times, until a turn does not fit. The table is part of the first turn.
template <class Tasks>
void ask_about(TurnWriter& turns, const Table& table, std::span<const std::int32_t> context, int most, Random& random) {
  for (int asked = 0; asked < most; ++asked) {
    QuestionAnswer qa;
    Tasks::draw(random, [&]<std::size_t I>() { qa = Tasks::template entry<I>::ask(table, random); });
    if (!turns.turn(asked == 0 ? context : std::span<const std::int32_t>(), qa.question, qa.answer)) return;
  }
}

}  // namespace longsky
