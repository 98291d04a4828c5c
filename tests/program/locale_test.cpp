// program/locale_test.cpp — the same bytes, printed and read, in every locale of the program around the library.
#include "program/tiny_run.hpp"
#include "support/catch.hpp"
#include "support/made_locale.hpp"

#include <longsky/eval/report.hpp>
#include <longsky/program/command_line.hpp>
#include <longsky/program/describe.hpp>
#include <longsky/train/metrics.hpp>
#include <longsky/train/progress.hpp>

#include <array>
#include <clocale>
#include <functional>
#include <locale>
#include <map>
#include <sstream>
#include <string>

using namespace longsky;
using namespace longsky::test;

namespace {

/// A comma for the point, and a point after every digit.
struct OtherNumbers : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\1"; }
};

/// While it lives, C++ has other numbers and, where it was made, C another language.
class Around {
 public:
  explicit Around(const MadeLocale& locale)
      : before_(std::locale::global(std::locale(std::locale::classic(), new OtherNumbers))) {
    if (!locale.made()) return;
    ::setenv("LOCPATH", locale.directory().c_str(), 1);
    if (!std::setlocale(LC_ALL, locale.name().c_str())) throw std::runtime_error("no locale " + locale.name());
  }
  ~Around() {
    std::setlocale(LC_ALL, "C");
    ::unsetenv("LOCPATH");
    std::locale::global(before_);
  }

 private:
  std::locale before_;
};

/// de_DE writes 1.234,5; ps_AF writes its point with two bytes.
constexpr const char* languages[] = {"de_DE", "ps_AF"};

void in_every_language(const std::function<void(const MadeLocale&)>& check) {
  static const std::array<MadeLocale, 2> locales{MadeLocale(languages[0]), MadeLocale(languages[1])};
  for (const MadeLocale& locale : locales) {
    if (!locale.made()) WARN("skipped for C: localedef cannot make " << locale.name() << "; its package is locales");
    INFO(locale.name());
    check(locale);
  }
}

/// What is written with numbers in it.
std::string written() {
  const ScratchDirectory out;
  NeedleGrid grid;
  grid.lengths = {512, 1000, 204800};
  grid.depths = {0, 0.5, 1};
  grid.exact.assign(3, std::vector<double>(3, 0.125));
  grid.samples = 1234567;
  const ReportData data{.title = "a report",
                        .needles = {{"seed 1234567", {{"before", grid}}}},
                        .perplexity = {{"after", {{64, 512, 4096}, {0.5, 3.5, 3.25}}}},
                        .marks = {.trained_short = 512, .trained_long = 204800},
                        .losses = {{"pretrain", 512, {1, 200000, 3000000}, {7.5, 5, 0.0625}}}};
  write_report(out.path(), data);
  std::string all;
  for (const std::string& name : names_in(out.path())) all += name + "\n" + read_file(out / name);
  std::ostringstream heat, progress;
  print_heat_map(heat, "title", grid, &NeedleGrid::exact, true);
  {
    Progress lines(progress, {.style = ProgressStyle::plain});
    lines.update({.stage = "s",
                  .step = 1234,
                  .steps = 5678,
                  .loss = 1.25,
                  .grad_norm = 0.5,
                  .tokens_per_s = 12345,
                  .fraction_of_peak = 0.5,
                  .memory = std::int64_t{5} << 30,
                  .run_fraction = 0.25},
                 1);
  }
  std::ostringstream spec;
  spec.imbue(std::locale::classic());
  spec << ModelSpec{.vocab = 100000, .layers = 4, .width = 128, .heads = 4, .kv_heads = 2, .ffn = 384, .context = 1024};
  all += heat.str() + progress.str() + spec.str() + words::bytes(1234567890) + words::scientific(1.5e10) +
         words::grouped(1234567) + tick_text(0.25) + tick_text(1.5e7) + utc_text(1700000000.25) + duration_text(98765) +
         memory_text(123456789);
  all += Json::object({{"a", 1.5}, {"b", 1234567}, {"c", -2.5e-300}, {"d", 1e300}}).text(2);
  MetricsLog metrics(out / "run", Json::object({{"x", 0.5}}), 0, 1.7e9);
  metrics.write({.step = 1234, .stage = "s", .tokens = 123456, .loss = 2.5, .lr = 1e-3, .seq_len = 4096}, 1.7e9);
  return all + read_file(out / "run" / "metrics.jsonl");
}

struct Numbers {
  double scale = 0;
  int keep = 0;
};

}  // namespace

BOOST_HANA_ADAPT_STRUCT(Numbers, scale, keep);

TEST_CASE("what is written has the same bytes in every locale") {
  const std::string before = written();
  in_every_language([&](const MadeLocale& locale) {
    const Around around(locale);
    const bool same = written() == before;  // not printed: some of it are pictures
    CHECK(same);
  });
}

TEST_CASE("numbers are read with a point in every locale") {
  in_every_language([](const MadeLocale& locale) {
    const Around around(locale);
    CHECK(parse_duration("1.5h") == 5400);
    CHECK_THROWS(parse_duration("1,5h"));
    Numbers numbers;
    Command program{"program", ""};
    Command commands[] = {{"train", ""}};
    constexpr OptionText texts[] = {{"scale", "Run", "a number"}, {"keep", "Run", "a whole number"}};
    add_options(commands[0], numbers, texts);
    const std::vector<std::string> words{"train", "--scale", "0.25", "--keep", "1234567"};
    parse_command_line(program, commands, words);
    CHECK(numbers.scale == 0.25);
    CHECK(numbers.keep == 1234567);
    CHECK(help_text(program, commands, &commands[0]).find("=0") != std::string::npos);
    const Json json = Json::parse("[1.5, -0.25e2, 1234567]");
    REQUIRE(json.size() == 3);
    CHECK(json.item(0).get<double>() == 1.5);
    CHECK(json.item(1).get<double>() == -25);
    CHECK(Json::parse("[1,5]").size() == 2);
  });
}

TEST_CASE("a whole run in another locale leaves the same files, and its report the same bytes", "[repeats]") {
  const ScratchDirectory plain;
  REQUIRE(run(train(plain.path())).code == 0);
  in_every_language([&](const MadeLocale& locale) {
    Start start;
    start.environment = {{"LONGSKY_TEST_LOCALE", locale.made() ? locale.name() : "C"}, {"LOCPATH", locale.directory()}};
    const ScratchDirectory out;
    // Started in one locale and gone on with in the other: a run is known by its description, options and files.
    REQUIRE(stop_after(out.path(), 2).code == 75);
    const Ended ended = run(train(out.path()), start);
    INFO(ended.said);
    REQUIRE(ended.code == 0);
    CHECK(outcome_of(out.path()) == undisturbed());
    CHECK(read_file(out / "tokenizer.json") == read_file(plain / "tokenizer.json"));
    for (int i = 0; i < 3; ++i)
      CHECK(read_file(node(out.path(), i) / "checkpoints/finished/COMPLETE").substr(0, 21) == "longsky checkpoint 1\n");

    const auto report = [&](const Start& how) {
      REQUIRE(run({"report", "--out", plain.path().string()}, how).code == 0);
      std::map<std::string, std::string> files;
      for (const std::string& name : names_in(plain.path()))
        if (name != "lock" && fs::is_regular_file(plain / name)) files[name] = read_file(plain / name);
      return files;
    };
    const auto there = report(start), here = report({});
    for (const auto& [name, bytes] : here) {
      INFO(name);
      const bool same = there.at(name) == bytes;  // not printed: some are pictures
      CHECK(same);
    }
    CHECK(run({"plan"}, start).said == run({"plan"}).said);
    CHECK(run({"describe"}, start).said == run({"describe"}).said);
  });
}
