// program/command_line_test.cpp — durations, the nearest name for a misspelt one, and a help text for every option.
#include "support/catch.hpp"

#include <longsky/program/check_options.hpp>
#include <longsky/program/options.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

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
  Command command{"train", ""};
  add_options(command, options, run_option_texts);
  CHECK_THAT(help_text({"program", ""}, {}, &command),
             Contains("--checkpoint-every INT=200") && Contains("Checkpoints"));
}

namespace {

/// Options and what became of a command line for them.
struct Line {
  RunOptions options;
  Command program{"program", "a program"};
  std::vector<Command> commands{{"plan", "no options"}, {"train", "all options"}};

  Line() { add_options(commands[1], options, run_option_texts); }
  const Command* parse(const std::vector<std::string>& words) { return parse_command_line(program, commands, words); }
};

}  // namespace

TEST_CASE("values stand behind their option or its equals sign; a switch takes none") {
  Line line;
  const Command* command =
      line.parse({"train", "--seed", "18446744073709551615", "--checkpoint-every=-1", "--out", "--x", "--ablations"});
  CHECK(command->name == "train");
  CHECK(line.options.seed == ~std::uint64_t{0});
  CHECK(line.options.checkpoint_every == -1);
  CHECK(line.options.out == "--x");
  CHECK(line.options.ablations);
  CHECK(!line.options.development);
}

TEST_CASE("a wrong command line is a sentence") {
  const auto said = [](const std::vector<std::string>& words) -> std::string {
    Line line;
    try {
      line.parse(words);
    } catch (const Error& e) {
      CHECK(e.code() == ExitCode::usage);
      return e.what();
    }
    return "";
  };
  CHECK_THAT(said({"train", "--seed", "-1"}), Contains("--seed") && Contains("not negative"));
  CHECK_THAT(said({"train", "--keep"}), Contains("--keep: 1 required INT missing"));
  CHECK_THAT(said({"train", "--keep=1", "--keep", "2"}), Contains("--keep: At Most 1 required but received 2"));
  CHECK_THAT(said({"train", "--ablations=maybe"}), Contains("Could not convert: --ablations = 'maybe'"));
  CHECK_THAT(said({"train", "--ablations="}), Contains("Could not convert: --ablations = ''"));
  CHECK_THAT(said({"train", "--help=me"}), Contains("--help takes no value"));
  CHECK_THAT(said({"train", "plan"}), Contains("there is no command plan. See train --help."));
  CHECK_THAT(said({"--sed", "train", "--keep"}), Contains("there is no option --sed. See program --help."));
  CHECK_THAT(said({}), Contains("A subcommand is required"));
}

TEST_CASE("what stands behind an equals sign is the value, even if it is nothing") {
  const auto said = [](const std::vector<std::string>& words) -> std::string {
    Line line;
    const RunOptions before = line.options;
    try {
      line.parse(words);
    } catch (const Error& e) {
      CHECK(e.code() == ExitCode::usage);
      CHECK(line.options.held_out == before.held_out);
      CHECK(line.options.out == before.out);
      return e.what();
    }
    return "";
  };
  // The word behind is an option of its own, not the value that is missing.
  CHECK_THAT(said({"train", "--held-out=", "--seed=3"}), Contains("--held-out was given an empty text"));
  CHECK_THAT(said({"train", "--out=", "--ablations"}), Contains("--out was given an empty text"));
  CHECK_THAT(said({"train", "--corpus", ""}), Contains("--corpus was given an empty text"));
  CHECK_THAT(said({"train", "--progress="}), Contains("--progress was given an empty text"));
  for (const char* flag : {"--seed", "--keep", "--scale"})
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"train", std::string(flag) + "=", "7"}, std::vector<std::string>{"train", flag, ""}})
      CHECK_THAT(said(words), Contains(flag) && Contains("was given ''"));

  Line line;
  line.options.max_wall = "1h";
  line.parse({"train", "--max-wall=", "--out=--ablations", "--held-out", "emma=2", "--corpus=a=b"});
  CHECK(line.options.max_wall.empty());
  CHECK(line.options.out == "--ablations");
  CHECK(line.options.held_out == "emma=2");
  CHECK(line.options.corpus == "a=b");
  CHECK(!line.options.ablations);
}

TEST_CASE("an option is not taken for the value that was forgotten") {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"train", "--out", "--ablations"},
                                                {"train", "--held-out", "--seed=3"},
                                                {"train", "--held-out", "--ablation"},  // nearly one
                                                {"train", "--seed", "--keep", "3"},
                                                {"train", "--corpus", "--help"},
                                                {"train", "--corpus", "-h"}}) {
    Line line;
    CHECK_THROWS_WITH(line.parse(words),
                      Contains(words[1] + ": 1 required") && Contains("write " + words[1] + "=" + words[2]));
  }
}

TEST_CASE("numbers that a run cannot be done or written down with are refused before it begins") {
  const auto said = [](auto set) -> std::string {
    RunOptions options;
    options.out = "runs/x";
    set(options);
    try {
      check_options(options);
    } catch (const Error& e) {
      CHECK(e.code() == ExitCode::usage);
      return e.what();
    }
    return "";
  };
  constexpr std::uint64_t last = std::numeric_limits<std::int64_t>::max();
  CHECK(said([](RunOptions&) {}).empty());
  CHECK(said([](RunOptions& o) { o.seed = last; }).empty());
  CHECK(said([](RunOptions& o) { o.seed = last - 2, o.seeds = 3; }).empty());
  CHECK_THAT(said([](RunOptions& o) { o.seed = last + 1; }), Contains("--seed") && Contains("9223372036854775807"));
  CHECK_THAT(said([](RunOptions& o) { o.seed = last - 1, o.seeds = 3; }), Contains("--seed") && Contains("3 seeds"));
  CHECK_THAT(said([](RunOptions& o) { o.seed = ~std::uint64_t{0}, o.seeds = 2; }), Contains("--seed"));
  CHECK_THAT(said([](RunOptions& o) { o.seeds = 0; }), Contains("--seeds was given 0") && Contains("positive"));
  CHECK_THAT(said([](RunOptions& o) { o.seeds = 2'000'000'000; }), Contains("--seeds") && Contains("1000000"));
  CHECK_THAT(said([](RunOptions& o) { o.samples = 2'000'000'000; }), Contains("--samples") && Contains("1000000"));
  CHECK_THAT(said([](RunOptions& o) { o.keep = 0; }), Contains("--keep was given 0"));
  CHECK_THAT(said([](RunOptions& o) { o.checkpoint_every = -1; }), Contains("--checkpoint-every was given -1"));
  CHECK_THAT(said([](RunOptions& o) { o.checkpoint_minutes = NAN; }), Contains("--checkpoint-minutes was given nan"));
  CHECK_THAT(said([](RunOptions& o) { o.checkpoint_minutes = INFINITY; }), Contains("--checkpoint-minutes"));
  CHECK_THAT(said([](RunOptions& o) { o.checkpoint_minutes = -0.5; }), Contains("not negative"));
}

TEST_CASE("help is of the command where one is named") {
  Line line;
  CHECK(line.parse({"--help"}) == nullptr);
  CHECK(line.program.help);
  Line other;
  CHECK(other.parse({"train", "-h", "extra"}) == &other.commands[1]);
  CHECK(other.commands[1].help);
  CHECK_THAT(help_text(line.program, line.commands, nullptr), Contains("  plan                        no options\n"));
}

TEST_CASE("an option without words is a mistake of the program") {
  RunOptions options;
  Command command{"train", ""};
  CHECK_THROWS_WITH(add_options(command, options, std::span<const OptionText>()), Contains("has no help text"));
}
