// longsky/data/table.hpp — a table of numbers by key and column, in one of several formats, as long as wanted.
#pragma once

#include <longsky/data/corpus.hpp>
#include <longsky/data/weighted.hpp>

#include <algorithm>
#include <concepts>
#include <string>
#include <utility>
#include <vector>

namespace longsky {

/// Rows are called by distinct keys (" zebra", leading space included); cells are strings of digits.
struct Table {
  std::vector<std::string> columns;
  std::vector<std::string> keys;   // [rows]
  std::vector<std::string> cells;  // [rows, columns]
  std::string absent_key;          // a key that no row has

  int rows() const { return static_cast<int>(keys.size()); }
  int width() const { return static_cast<int>(columns.size()); }
  const std::string& key(int row) const { return keys[static_cast<std::size_t>(row)]; }
  const std::string& column(int c) const { return columns[static_cast<std::size_t>(c)]; }
  const std::string& cell(int row, int c) const {
    return cells[static_cast<std::size_t>(row) * columns.size() + static_cast<std::size_t>(c)];
  }
};

/// What a format must have: `most_columns`, and how to write the header and a row at the end of a text.
template <class F>
concept TableFormat = requires(std::string& text, const Table& table, int row) {
  { F::most_columns } -> std::convertible_to<int>;
  F::header(text, table);
  F::row(text, table, row);
};

/// A table and its text.
struct WrittenTable {
  Table table;
  Tokens tokens;
};

/// A format as a value, so that the table below is written by one function and not by one a format.
struct TableWriter {
  int most_columns;
  void (*header)(std::string& text, const Table& table);
  void (*row)(std::string& text, const Table& table, int row);
};

template <TableFormat Format>
inline constexpr TableWriter table_writer{
    Format::most_columns, [](std::string& text, const Table& table) { Format::header(text, table); },
    [](std::string& text, const Table& table, int row) { Format::row(text, table, row); }};

/// A table in this format with up to `most_columns` columns, and rows until `budget` tokens are full; never fewer than
/// two rows, so that there is something to tell apart.
inline WrittenTable draw_table(const Corpus& corpus, const TableWriter& format, int budget, int most_columns,
                               Random& random) {
  WrittenTable out;
  Table& table = out.table;
  table.columns = corpus.columns;
  random.shuffle(table.columns);
  table.columns.resize(static_cast<std::size_t>(random.between(1, std::min(most_columns, format.most_columns))));
  std::string text;
  format.header(text, table);
  corpus.encode(text, out.tokens);

  DistinctKeys keys(corpus.keys);
  Tokens row;
  for (bool full = false; !full;) {
    table.keys.push_back(keys.draw(random));
    for (int c = 0; c < table.width(); ++c) table.cells.push_back(draw_number(random));
    text.clear();
    row.clear();
    format.row(text, table, table.rows() - 1);
    corpus.encode(text, row);
    full = table.rows() > 2 && static_cast<int>(out.tokens.size() + row.size()) > budget;
    if (!full) out.tokens.insert(out.tokens.end(), row.begin(), row.end());
  }
  table.absent_key = std::move(table.keys.back());
  table.keys.pop_back();
  table.cells.resize(table.cells.size() - table.columns.size());
  return out;
}

/// The same in a format drawn from `Formats`.
template <class Formats>
WrittenTable draw_table(const Corpus& corpus, int budget, int most_columns, Random& random) {
  const TableWriter* format = nullptr;
  Formats::draw(random, [&]<std::size_t I>() { format = &table_writer<typename Formats::template entry<I>>; });
  return draw_table(corpus, *format, budget, most_columns, random);
}

}  // namespace longsky
