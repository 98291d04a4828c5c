// program/command_line_test.cpp — durations, the nearest name for a misspelt one, and a help text for every option.
#include "support/catch.hpp"

#include <longsky/program/options.hpp>

using namespace longsky;
using Catch::Matchers::Contains;

TEST_CASE("durations are read as schedulers write them") {
  CHECK(parse_duration("") == 0);
  CHECK(parse_duration("90") == 90);
  CHECK(parse_duration("90s") == 90);
  CHECK(parse_duration("0.5s") == 0.5);
  CHECK(parse_duration("15m") == 900);
  CHECK(parse_duration("1.5h") == 5400);
  CHECK(parse_duration("01:30:00") == 5400);
  CHECK(parse_duration("15:30") == 930);
  for (const char* wrong : {"soon", "s", "-5", "5 m", "5d", "1:2h", "1::2", ":5", "5:", "1.2.3", "1e3"})
    CHECK_THROWS_WITH(parse_duration(wrong), Contains("is not a duration") && Contains(wrong));
}

TEST_CASE("distance counts letters put in, taken out and exchanged") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("threads", "thread") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("sitting", "kitten") == 3);
}

TEST_CASE("the nearest name is near") {
  const std::vector<std::string> names = {"--threads", "--seed", "--seeds", "--max-wall"};
  CHECK(nearest("--thread", names) == "--threads");
  CHECK(nearest("--maxwall", names) == "--max-wall");
  CHECK(nearest("--sede", names) == "--seed");
  CHECK(nearest("--temperature", names).empty());
}

TEST_CASE("every option of a run has words and a group, and no words are left over") {
  RunOptions options;
  std::size_t members = 0;
  for_each_option(options, [&](std::string_view member, auto&) {
    ++members;
    INFO(member);
    CHECK(std::count_if(std::begin(run_option_texts), std::end(run_option_texts),
                        [&](const OptionText& t) { return member == t.member; }) == 1);
  });
  CHECK(members == std::size(run_option_texts));
  CLI::App app;
  add_options(app, options, run_option_texts);
  CHECK_THAT(app.help(), Contains("--checkpoint-every INT=200") && Contains("Checkpoints"));
}

TEST_CASE("a number without a sign takes none") {
  RunOptions options;
  CLI::App app;
  add_options(app, options, run_option_texts);
  CHECK_THROWS_WITH(app.parse("--seed -1"), Contains("--seed") && Contains("not negative"));
  app.parse("--seed 18446744073709551615 --threads -1");
  CHECK(options.seed == ~std::uint64_t{0});
  CHECK(options.threads == -1);
}

TEST_CASE("an option without words is a mistake of the program") {
  RunOptions options;
  CLI::App app;
  CHECK_THROWS_WITH(add_options(app, options, std::span<const OptionText>()), Contains("has no help text"));
}
