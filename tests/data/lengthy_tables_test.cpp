// SynL: every answer is found again in the text of the table by a reader that knows nothing of how it was made.
#include "data/toy_corpus.hpp"
#include "support/catch.hpp"

#include <longsky/data/lengthy_tables.hpp>

#include <map>
#include <sstream>

using namespace longsky;
using namespace longsky::test;

namespace {

/// A table read back from its text: rows in order, each a key and its numbers.
struct ReadTable {
  std::vector<std::string> keys;
  std::map<std::string, std::vector<std::string>> numbers;
};

/// The words at the start of a line, behind what a format puts in front of a key.
std::string key_of(std::string_view line) {
  for (std::string_view front : {"{\"name\": \"", "|", " ", " "})
    if (line.starts_with(front)) line.remove_prefix(front.size());
  std::string key(line.substr(0, line.find_first_not_of("abcdefghijklmnopqrstuvwxyz ")));
  while (key.ends_with(' ')) key.pop_back();
  if (key.ends_with(" is")) key.resize(key.size() - 3);
  return ' ' + key;
}

ReadTable read_table(const std::string& text) {
  ReadTable table;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> found(1);
    for (char c : line)
      if (is_digit(c))
        found.back() += c;
      else if (!found.back().empty())
        found.emplace_back();
    if (found.back().empty()) found.pop_back();
    if (found.empty()) continue;  // a header
    table.keys.push_back(key_of(line));
    CHECK(table.numbers.emplace(table.keys.back(), found).second);
  }
  return table;
}

/// What stands between the last `before` and the last character of a question.
std::string behind(const std::string& question, const std::string& before) {
  const std::size_t at = question.rfind(before);
  REQUIRE(at != std::string::npos);
  return question.substr(at + before.size(), question.size() - at - before.size() - 1);
}

/// The key of a look-up: all wordings end in "of" or "for", the key and a sign.
std::string looked_up(const std::string& question) {
  return behind(question, question.rfind(" for ") == std::string::npos ? " of" : " for");
}

template <class Format>
std::string written(const Table& table) {
  std::string text;
  Format::header(text, table);
  for (int r = 0; r < table.rows(); ++r) Format::row(text, table, r);
  return text;
}

template <class Formats, class Task>
using OneTask = LengthyTables<Formats, Choices<Weighted<Task, 1>>>;

std::string last_line(const std::string& text) { return text.substr(text.rfind('\n') + 1); }

/// Calls check(table, question, answer) for every turn of some sequences.
template <class Data, class Check>
void for_every_turn(const Check& check) {
  const Corpus& corpus = toy_corpus();
  const Data data(corpus);
  int turns = 0;
  for (std::uint64_t i = 0; i < 12; ++i) {
    CHECK(is_well_formed(data, corpus, 700, i));
    ReadTable table;
    for (const Turn& turn : turns_of(filled(data, 700, i), corpus)) {
      if (turn.first) table = read_table(turn.prompt.substr(0, turn.prompt.rfind('\n') + 1));
      check(table, last_line(turn.prompt), turn.answer);
      ++turns;
    }
  }
  CHECK(turns >= 40);
}

}  // namespace

TEST_CASE("formats") {
  const Table two{{"price", "age"}, {" zebra", " red lamp"}, {"482913", "007", "1", "22"}, " nobody"};
  Table one = two;
  one.columns = {"price"};
  one.cells = {"482913", "007"};
  CHECK(written<ColonList>(one) == "List of price:\n zebra: 482913\n red lamp: 007\n");
  CHECK(written<EqualsList>(one) == "List of price:\n zebra = 482913\n red lamp = 007\n");
  CHECK(written<PipeList>(one) == "List of price:\n| zebra | 482913 |\n| red lamp | 007 |\n");
  CHECK(written<SentenceList>(one) == "List of price:\n zebra is 482913.\n red lamp is 007.\n");
  CHECK(written<PipeTable>(two) == "| name | price | age |\n| zebra | 482913 | 007 |\n| red lamp | 1 | 22 |\n");
  CHECK(written<MarkdownTable>(two) ==
        "| name | price | age |\n|---|---|---|\n| zebra | 482913 | 007 |\n| red lamp | 1 | 22 |\n");
  CHECK(written<Records>(two) == " zebra: price 482913, age 007\n red lamp: price 1, age 22\n");
  CHECK(written<Csv>(two) == "name,price,age\n zebra,482913,007\n red lamp,1,22\n");
  CHECK(written<Tsv>(two) == "name\tprice\tage\n zebra\t482913\t007\n red lamp\t1\t22\n");
  CHECK(written<JsonLines>(two) ==
        "{\"name\": \"zebra\", \"price\": \"482913\", \"age\": \"007\"}\n"
        "{\"name\": \"red lamp\", \"price\": \"1\", \"age\": \"22\"}\n");
}

TEST_CASE("tasks on a table one can see") {
  const Table table{{"price"}, {" zebra", " lamp"}, {"482913", "007"}, " nobody"};
  Random random(1, 2, 3);
  CHECK(RowRecall::ask({{"price", "age"}, {" zebra", " zebra"}, {"1", "2", "1", "2"}, ""}, random).answer == "1, 2");
  CHECK(CountRows::ask(table, random).answer == "2");
  CHECK(Refusal::ask(table, random).answer == "Not in the table.");
  CHECK(Refusal::ask(table, random).question.find(" nobody") != std::string::npos);
  const QuestionAnswer compared = CompareRows::ask(table, random);
  CHECK((compared.answer == "482913 and 007: zebra" || compared.answer == "007 and 482913: zebra"));
  CHECK(CompareRows::ask({{"price"}, {" a", " b"}, {"07", "007"}, ""}, random).answer.ends_with(": equal"));
}

TEST_CASE("look-ups in every format are answered from the table") {
  for_every_turn<OneTask<AllFormats, Lookup>>(
      [](const ReadTable& table, const std::string& question, const std::string& answer) {
        REQUIRE(table.numbers.count(looked_up(question)) == 1);
        const auto& row = table.numbers.at(looked_up(question));
        CHECK(std::find(row.begin(), row.end(), answer) != row.end());
        if (row.size() == 1) CHECK(row[0] == answer);
      });
}

TEST_CASE("the column that is asked for is the column that is answered") {
  const Corpus& corpus = toy_corpus();
  const LengthyTables<Choices<Weighted<Records, 1>>> data(corpus);
  int turns = 0;
  for (std::uint64_t i = 0; i < 8; ++i) {
    std::string context;
    for (const Turn& turn : turns_of(filled(data, 700, i), corpus)) {
      if (turn.first) context = turn.prompt.substr(0, turn.prompt.rfind('\n') + 1);
      const std::string question = last_line(turn.prompt), key = looked_up(question);
      std::istringstream words(question);
      std::string column, word;
      while (words >> word && word != "of" && word != "for") column = word;
      const std::size_t row = ("\n" + context).find("\n" + key + ": ");
      REQUIRE(row != std::string::npos);
      const std::string line = context.substr(row, context.find('\n', row) - row) + ",";
      CHECK(line.find(" " + column + " " + turn.answer + ",") != std::string::npos);
      ++turns;
    }
  }
  CHECK(turns > 40);
}

TEST_CASE("the other tasks are answered from the table") {
  SECTION("several look-ups, in the question's order") {
    using Data = LengthyTables<Choices<Weighted<ColonList, 1>>, Choices<Weighted<MultiLookup, 1>>>;
    for_every_turn<Data>([](const ReadTable& table, const std::string& question, const std::string& answer) {
      std::string keys = behind(question, " of");
      keys.replace(keys.find(" and "), 5, ", ");
      std::string expected;
      std::istringstream in(keys);
      for (std::string key; std::getline(in, key, ',');)
        expected += (expected.empty() ? "" : ", ") + table.numbers.at(key)[0];
      CHECK(answer == expected);
    });
  }
  SECTION("rows") {
    for_every_turn<OneTask<AllFormats, RowRecall>>(
        [](const ReadTable& table, const std::string& question, const std::string& answer) {
          std::string expected;
          for (const std::string& number : table.numbers.at(behind(question, " of")))
            expected += (expected.empty() ? "" : ", ") + number;
          CHECK(answer == expected);
        });
  }
  SECTION("positions, counted from 1") {
    using Data = LengthyTables<Choices<Weighted<PipeList, 1>>, Choices<Weighted<PositionLookup, 1>>>;
    for_every_turn<Data>([](const ReadTable& table, const std::string& question, const std::string& answer) {
      const int row = std::stoi(behind(question, " row "));
      CHECK(answer == table.numbers.at(table.keys.at(static_cast<std::size_t>(row - 1)))[0]);
    });
  }
  SECTION("counts") {
    for_every_turn<OneTask<AllFormats, CountRows>>(
        [](const ReadTable& table, const std::string&, const std::string& answer) {
          CHECK(answer == std::to_string(table.keys.size()));
        });
  }
  SECTION("comparisons") {
    using Data = LengthyTables<Choices<Weighted<SentenceList, 1>>, Choices<Weighted<CompareRows, 1>>>;
    for_every_turn<Data>([](const ReadTable& table, const std::string& question, const std::string& answer) {
      const std::string keys = behind(question, ","), one = keys.substr(0, keys.find(" or "));
      const std::string other = keys.substr(one.size() + 3);
      const std::string a = table.numbers.at(one)[0], b = table.numbers.at(other)[0];
      const long x = std::stol(a), y = std::stol(b);
      CHECK(answer == a + " and " + b + ":" + (x > y ? one : x < y ? other : " equal"));
    });
  }
  SECTION("refusals, for keys that are not there") {
    for_every_turn<OneTask<AllFormats, Refusal>>(
        [](const ReadTable& table, const std::string& question, const std::string& answer) {
          CHECK(table.numbers.count(looked_up(question)) == 0);
          CHECK(answer == Refusal::sentence);
        });
  }
}

TEST_CASE("the table fills the context and the questions fit behind it") {
  const Corpus& corpus = toy_corpus();
  const LengthyTables<> data(corpus);
  for (int context : {256, 1024, 2048}) {
    const OwnSequence s = filled(data, context, 1);
    const auto padding = std::count(s.tokens.begin(), s.tokens.end(), corpus.special.pad);
    CHECK(padding < context / 4);
    CHECK(static_cast<int>(turns_of(s, corpus).size()) >= context / 128);
  }
  CHECK_THROWS_WITH(filled(data, 20, 1), Catch::Matchers::Contains("do not fit a context of 20 tokens"));
}
