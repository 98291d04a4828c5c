// longsky/data/table_tasks.hpp — questions about a table, with answers computed from it.
//
// Answers are bare ("482913", not "zebra: 482913"): a small model that must say a key first fails on keys it never
// said.
#pragma once

#include <longsky/data/table.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace longsky {

/// A question and the answer to it; keys bring their leading space.
struct QuestionAnswer {
  std::string question;
  std::string answer;
};

/// What a task must have. Tables have at least two rows.
template <class T>
concept TableTask = requires(const Table& table, Random& random) {
  { T::ask(table, random) } -> std::same_as<QuestionAnswer>;
};

/// "What is the price of zebra?" in one of four wordings.
inline std::string lookup_question(std::string_view column, std::string_view key, Random& random) {
  constexpr std::array<std::array<std::string_view, 3>, 4> wordings = {
      {{"What is the ", " of", "?"}, {"What is the ", " for", "?"}, {"Give the ", " of", "."}, {"", " of", "?"}}};
  const auto& w = random.pick(wordings);
  std::string question;
  question.append(w[0]).append(column).append(w[1]).append(key).append(w[2]);
  return question;
}

/// `count` distinct rows in random order.
inline std::vector<int> draw_rows(const Table& table, int count, Random& random) {
  std::vector<int> rows;
  while (static_cast<int>(rows.size()) < count) {
    const int row = random.between(0, table.rows() - 1);
    if (std::find(rows.begin(), rows.end(), row) == rows.end()) rows.push_back(row);
  }
  return rows;
}

/// One cell.
struct Lookup {
  static QuestionAnswer ask(const Table& table, Random& random) {
    const int row = random.between(0, table.rows() - 1), c = random.between(0, table.width() - 1);
    return {lookup_question(table.column(c), table.key(row), random), table.cell(row, c)};
  }
};

/// A column's cells for two to four keys, in the question's order: "Give the price of zebra, lamp and river."
struct MultiLookup {
  static QuestionAnswer ask(const Table& table, Random& random) {
    const int c = random.between(0, table.width() - 1);
    const std::vector<int> rows = draw_rows(table, random.between(2, std::min(4, table.rows())), random);
    QuestionAnswer qa{"Give the " + table.column(c) + " of", ""};
    for (std::size_t i = 0; i < rows.size(); ++i) {
      qa.question += (i == 0 ? "" : i + 1 == rows.size() ? " and" : ",") + table.key(rows[i]);
      qa.answer += (i == 0 ? "" : ", ") + table.cell(rows[i], c);
    }
    qa.question += '.';
    return qa;
  }
};

/// All cells of a row, in the order of the columns.
struct RowRecall {
  static QuestionAnswer ask(const Table& table, Random& random) {
    const int row = random.between(0, table.rows() - 1);
    QuestionAnswer qa{"Give the row of" + table.key(row) + ".", table.cell(row, 0)};
    for (int c = 1; c < table.width(); ++c) qa.answer += ", " + table.cell(row, c);
    return qa;
  }
};

/// A cell by the number of its row, counted from 1.
struct PositionLookup {
  static QuestionAnswer ask(const Table& table, Random& random) {
    const int row = random.between(0, table.rows() - 1), c = random.between(0, table.width() - 1);
    return {"What is the " + table.column(c) + " in row " + std::to_string(row + 1) + "?", table.cell(row, c)};
  }
};

/// How many rows the table has.
struct CountRows {
  static QuestionAnswer ask(const Table& table, Random&) {
    return {"How many rows are there?", std::to_string(table.rows())};
  }
};

/// Which of two keys has the larger number: both numbers, then the key; "equal" instead of a key if they are.
struct CompareRows {
  static QuestionAnswer ask(const Table& table, Random& random) {
    const int c = random.between(0, table.width() - 1);
    const std::vector<int> rows = draw_rows(table, 2, random);
    const std::string &a = table.cell(rows[0], c), &b = table.cell(rows[1], c);
    const long x = std::stol(a), y = std::stol(b);
    return {"Which has the larger " + table.column(c) + "," + table.key(rows[0]) + " or" + table.key(rows[1]) + "?",
            a + " and " + b + ":" + (x == y ? std::string(" equal") : table.key(rows[x > y ? 0 : 1]))};
  }
};

/// A key that is not in the table: always the same sentence.
struct Refusal {
  static constexpr std::string_view sentence = "Not in the table.";
  static QuestionAnswer ask(const Table& table, Random& random) {
    const int c = random.between(0, table.width() - 1);
    return {lookup_question(table.column(c), table.absent_key, random), std::string(sentence)};
  }
};

/// Look-ups only, the task with which the recipe was seen to work.
using LookupOnly = Choices<Weighted<Lookup, 1>>;

/// Mostly look-ups, and everything else.
using AllTasks =
    Choices<Weighted<Lookup, 50>, Weighted<MultiLookup, 10>, Weighted<RowRecall, 10>, Weighted<PositionLookup, 10>,
            Weighted<CountRows, 5>, Weighted<CompareRows, 10>, Weighted<Refusal, 5>>;

}  // namespace longsky
