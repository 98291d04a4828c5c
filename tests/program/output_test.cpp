// program/output_test.cpp — what a program says: it was written or the exit code tells, and it commands no terminal.
#include "program/tiny_run.hpp"
#include "support/catch.hpp"

#include <longsky/core/printable.hpp>

#include <string>

using namespace longsky;
using namespace longsky::test;
using Catch::Matchers::Contains;

namespace {

/// A run that is finished, made once.
const fs::path& finished_run() {
  static const ScratchDirectory directory;
  static const bool made = run(train(directory.path())).code == 0;
  if (!made) throw std::runtime_error("the tiny program fails");
  return directory.path();
}

Arguments of_run(const char* command, const fs::path& out = finished_run()) {
  return {command, "--out", out.string(), "--corpus", books().string(), "--held-out", "last"};
}

/// Whether a terminal would take some of it for a command: anything but text, line ends and the colours of our own.
bool commands_terminal(std::string text) {
  for (const char* own : {"\x1b[K", "\x1b[0m", "\x1b[2m", "\x1b[36m", "\r"})
    for (std::size_t at; (at = text.find(own)) != std::string::npos;) text.erase(at, std::string(own).size());
  for (std::size_t at; (at = text.find("\x1b[48;5;")) != std::string::npos;)
    text.erase(at, text.find('m', at) + 1 - at);
  return printable_lines(text) != text;
}

const std::string title = "\x1b]0;owned\x07";  // sets the title of a window

}  // namespace

TEST_CASE("output that was not written is an error, whatever the command") {
  for (const char* nowhere : {"/dev/full", ""}) {  // a disk that is full; a descriptor that is closed
    Start start;
    start.output = nowhere;
    for (const Arguments& arguments :
         {Arguments{"--help"}, Arguments{"train", "--help"}, Arguments{"plan"}, Arguments{"describe"}, of_run("report"),
          of_run("generate") + Arguments{"--prompt", "the", "--tokens", "2"}}) {
      const Ended ended = run(arguments, start);
      INFO(arguments.front() << " " << nowhere << ": " << ended.said);
      CHECK(ended.code == 1);
      CHECK_THAT(ended.said, Contains("standard output could not be written"));
    }
  }
}

TEST_CASE("a run whose progress cannot be written trains to its end, says so then, and no file of its own takes it") {
  for (const char* nowhere : {"/dev/full", ""}) {
    const ScratchDirectory out;
    Start start;
    start.output = nowhere;
    const Ended ended = run(train(out.path()), start);
    INFO(nowhere << ": " << ended.said);
    CHECK(ended.code == 1);
    CHECK_THAT(ended.said, Contains("standard output could not be written"));
    CHECK(outcome_of(out.path()) == undisturbed());
    CHECK(fs::exists(out / "report.html"));
  }
}

TEST_CASE("a reader of output who has left is a stop") {
  Process process(of_run("generate") + Arguments{"--prompt", "the", "--tokens", "200"});
  process.stop_listening();
  CHECK(process.wait().code == 75);
}

TEST_CASE("a prompt that cannot be read is an error, one that can is read") {
  Start start;
  start.input = "";
  const Arguments generate = of_run("generate") + Arguments{"--prompt", "-", "--tokens", "1"};
  const Ended closed = run(generate, start);
  CHECK(closed.code == 1);
  CHECK_THAT(closed.said, Contains("cannot read standard input"));
  start.input = (books() / "first.txt").string();
  CHECK_THAT(run(generate, start).said, Contains("context"));  // a book is too long
  start.input = "/dev/null";
  CHECK(run(generate, start).code == 0);
}

TEST_CASE("names of books and directories command no terminal and break no line of a log") {
  const ScratchDirectory scratch;
  const fs::path corpus = scratch / "books", out = scratch / ("run" + title + "\n\u202e");
  fs::copy(books(), corpus);
  fs::copy_file(books() / "first.txt", corpus / ("z" + title + "\n\u009b31m.txt"));
  for (const bool terminal : {false, true}) {
    Start start;
    start.terminal = terminal;
    for (const Arguments& arguments :
         {Arguments{"train", "--out", out.string(), "--corpus", corpus.string(), "--held-out", "nobody" + title},
          Arguments{"train", "--out", out.string(), "--corpus", (corpus / title).string()},
          Arguments{"report", "--out", out.string()}, Arguments{"train", title}, Arguments{"train" + title},
          Arguments{"train", "--keep", title}, Arguments{"train", "--max-wall", title + "\n1s"},
          Arguments{"train", "--progress", title}}) {
      const Ended ended = run(arguments, start);
      CAPTURE(ended.said);
      CHECK(ended.code != 0);
      CHECK_THAT(ended.said, Contains("\\x1b]0;owned\\x07"));
      CHECK(!commands_terminal(ended.said));
      CHECK(std::count(ended.said.begin(), ended.said.end(), '\n') == 1);
    }
  }
}

TEST_CASE("progress and a report name their directory without obeying it, on a terminal too") {
  const ScratchDirectory scratch;
  const fs::path out = scratch / ("run" + title);
  for (const char* style : {"auto", "plain", "json"}) {
    Arguments arguments = train(out);
    arguments[arguments.size() - 3] = style;
    Start start;
    start.terminal = true;
    const Ended ended = run(arguments, start);
    CAPTURE(style, ended.said);
    CHECK(ended.code == 0);
    CHECK_THAT(ended.said, Contains("run\\x1b]0;owned\\x07/report.html"));
    CHECK(!commands_terminal(ended.said));
  }
  // Files that were written by somebody else.
  write_sealed(out / "run.json", Json::object({{"identity", title}, {title.c_str(), 1}}));
  const Ended ended = run({"report", "--out", out.string()});
  CHECK(ended.code == 4);
  CHECK(!commands_terminal(ended.said));
}

TEST_CASE("a model's text is shown on a terminal, and sent to a pipe as it is") {
  // So hot that bytes come as often as words: all but surely there are controls, and bytes that are no UTF-8.
  const Arguments generate =
      of_run("generate") + Arguments{"--prompt", "the", "--tokens", "250", "--temperature", "1000"};
  const Ended piped = run(generate);
  REQUIRE(piped.code == 0);
  CHECK(printable_lines(piped.said) != piped.said);
  Start start;
  start.terminal = true;
  const Ended shown = run(generate, start);
  CHECK(shown.code == 0);
  CHECK(shown.said == printable_lines(piped.said));
}

TEST_CASE("a process that may run on one processor takes one thread") {
  Start start;
  start.one_processor = true;
  const Ended ended = run({"plan"}, start);
  CHECK(ended.code == 0);
  CHECK(ended.said.find("threads") == std::string::npos);
}

TEST_CASE("where memory is limited, a run fits or says which limit it met") {
  if (sanitized) return;  // a sanitizer takes terabytes of address space
  const ScratchDirectory out;
  const Arguments arguments{"train",     "--out", (out / "run").string(), "--corpus", (out / "nowhere").string(),
                            "--threads", "1"};
  const auto ended = [&](rlim_t limit) {
    Start start;
    start.address_limit = limit;
    return run(arguments, start);
  };
  constexpr rlim_t step = rlim_t{1} << 18;  // less than the plan needs
  rlim_t enough = rlim_t{1} << 32, too_little = step;
  REQUIRE(ended(enough).code == 2);  // it fits, and asks for books
  while (enough - too_little > step) {
    const rlim_t middle = too_little + (enough - too_little) / 2;
    (ended(middle).code == 2 ? enough : too_little) = middle;
  }
  const Ended refused = ended(too_little);
  INFO(refused.said);
  CHECK(refused.code == 3);
  CHECK_THAT(refused.said, Contains("the limit of address space (ulimit -v)") && Contains("needs"));
}
