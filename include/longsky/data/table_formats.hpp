// longsky/data/table_formats.hpp — how a table is written: lists of one column, pipes, records, CSV, TSV, JSON lines.
//
// Where the format allows it a key keeps its leading space, so that it is the same tokens in the table and in a
// question.
#pragma once

#include <longsky/data/row_formats.hpp>
#include <longsky/data/table.hpp>

#include <string>
#include <string_view>

namespace longsky {

/// "List of price:" and one line a row.
template <const RowFormat& Row>
struct ListTable {
  static constexpr int most_columns = 1;
  static void header(std::string& text, const Table& table) {
    text.append("List of ").append(table.column(0)).append(":\n");
  }
  static void row(std::string& text, const Table& table, int r) {
    text += row_text(Row, table.key(r), ' ' + table.cell(r, 0));
  }
};
using ColonList = ListTable<colon_row>;        ///< " zebra: 482913"
using EqualsList = ListTable<equals_row>;      ///< " zebra = 482913"
using PipeList = ListTable<pipe_row>;          ///< "| zebra | 482913 |"
using SentenceList = ListTable<sentence_row>;  ///< " zebra is 482913."

/// Markdown: "| name | price | age |" and a line of dashes.
template <bool Rule>
struct PipedTable {
  static constexpr int most_columns = 12;
  static void header(std::string& text, const Table& table) {
    text += "| name |";
    for (const std::string& column : table.columns) text.append(" ").append(column).append(" |");
    text += '\n';
    if (!Rule) return;
    for (int c = 0; c <= table.width(); ++c) text += c == 0 ? "|---|" : "---|";
    text += '\n';
  }
  static void row(std::string& text, const Table& table, int r) {
    text.append("|").append(table.key(r)).append(" |");
    for (int c = 0; c < table.width(); ++c) text.append(" ").append(table.cell(r, c)).append(" |");
    text += '\n';
  }
};
using PipeTable = PipedTable<false>;
using MarkdownTable = PipedTable<true>;

/// " zebra: price 482913, age 201938"
struct Records {
  static constexpr int most_columns = 12;
  static void header(std::string&, const Table&) {}
  static void row(std::string& text, const Table& table, int r) {
    text.append(table.key(r)).append(": ");
    for (int c = 0; c < table.width(); ++c)
      text.append(c == 0 ? "" : ", ").append(table.column(c)).append(" ").append(table.cell(r, c));
    text += '\n';
  }
};

/// Values between separators, with a header line.
template <char Separator>
struct SeparatedValues {
  static constexpr int most_columns = 12;
  static void header(std::string& text, const Table& table) {
    text += "name";
    for (const std::string& column : table.columns) (text += Separator) += column;
    text += '\n';
  }
  static void row(std::string& text, const Table& table, int r) {
    text += table.key(r);
    for (int c = 0; c < table.width(); ++c) (text += Separator) += table.cell(r, c);
    text += '\n';
  }
};
using Csv = SeparatedValues<','>;
using Tsv = SeparatedValues<'\t'>;

/// {"name": "zebra", "price": "482913"}
struct JsonLines {
  static constexpr int most_columns = 12;
  static void header(std::string&, const Table&) {}
  static void row(std::string& text, const Table& table, int r) {
    text.append("{\"name\": \"").append(table.key(r).substr(1)).append("\"");
    for (int c = 0; c < table.width(); ++c)
      text.append(", \"").append(table.column(c)).append("\": \"").append(table.cell(r, c)).append("\"");
    text += "}\n";
  }
};

/// The six formats with which the recipe was seen to work.
using PlainFormats = Choices<Weighted<ColonList, 2>, Weighted<EqualsList, 2>, Weighted<PipeList, 2>,
                             Weighted<SentenceList, 2>, Weighted<PipeTable, 1>, Weighted<Records, 1>>;

/// All of them.
using AllFormats = Choices<Weighted<ColonList, 2>, Weighted<EqualsList, 2>, Weighted<PipeList, 2>,
                           Weighted<SentenceList, 2>, Weighted<PipeTable, 1>, Weighted<Records, 1>,
                           Weighted<MarkdownTable, 1>, Weighted<Csv, 1>, Weighted<Tsv, 1>, Weighted<JsonLines, 1>>;

}  // namespace longsky
