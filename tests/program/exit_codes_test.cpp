// program/exit_codes_test.cpp — what a wrong command is answered with: a documented code, a sentence with a remedy, and
// nothing left behind that the right command would trip over.
#include "program/tiny_run.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <string>

using namespace longsky;
using namespace longsky::test;
using Catch::Matchers::Contains;

namespace {

/// Runs a command that must fail with `code` and all of `words`.
void expect(const Arguments& arguments, int code, const std::vector<std::string>& words) {
  const Ended ended = run(arguments);
  INFO(ended.said);
  CHECK(ended.code == code);
  for (const std::string& word : words) CHECK_THAT(ended.said, Contains(word));
}

/// The right command works in the directory of a wrong one, as if that had never been.
void expect_undisturbed(const ScratchDirectory& out) {
  const auto [said, outcome] = first_stage(out / "run");
  INFO(said);
  CHECK(outcome == undisturbed_first_stage());
}

Arguments with(const ScratchDirectory& out, const Arguments& more) {
  return Arguments{"train", "--out", (out / "run").string(), "--corpus", books().string()} + more;
}

/// The corpus of the tests with one book replaced.
fs::path books_with(const ScratchDirectory& scratch, const std::string& name, const std::string& contents) {
  fs::copy(books(), scratch / "books");
  replace_file(scratch / "books" / name, contents);
  return scratch / "books";
}

std::string prose(int words) { return toy_books(words).front().text; }

}  // namespace

TEST_CASE("options that are not there or not right are answered with what is near or expected") {
  const ScratchDirectory out;
  expect(with(out, {"--thread", "2"}), 2, {"there is no option --thread", "did you mean --threads?", "--help"});
  expect(with(out, {"--zzzzzzzz"}), 2, {"there is no option --zzzzzzzz. See"});
  expect(with(out, {"--threads", "two"}), 2, {"--threads", "two"});
  expect(with(out, {"--threads", "-1"}), 2, {"--threads", "not negative"});
  expect(with(out, {"--seed", "-1"}), 2, {"--seed", "negative"});
  expect(with(out, {"--keep", "2", "--keep", "3"}), 2, {"--keep", "received 2"});
  expect(with(out, {"--samples", "0"}), 2, {"--samples", "positive"});
  for (const char* scale : {"nan", "inf", "0", "-1", "1e300", "1e9"})
    expect(with(out, {"--scale", scale}), 2, {"--scale is", "positive number up to 429496729", "stage pretrain"});
  for (const char* scale : {"nan", "inf", "0", "-1", "1e300", "1e-300"})
    expect(with(out, {"--lr-scale", scale}), 2, {"--lr-scale is", "positive", "stage pretrain"});
  expect(with(out, {"--max-wall", "soon"}), 2, {"'soon' is not a duration", "01:30:00"});
  expect(with(out, {"--progress", "loud"}), 2, {"'loud'", "auto, bar, plain, json or none"});
  expect(with(out, {"extra"}), 2, {"extra"});
  expect({"trian"}, 2, {"there is no command trian", "did you mean train?"});
  expect({}, 2, {"subcommand"});
  CHECK(!fs::exists(out / "run"));
}

TEST_CASE("help, plan and describe need neither books nor a directory") {
  expect({"--help"}, 0, {"plan", "describe", "train", "eval", "generate", "report"});
  expect({"train", "--help"}, 0, {"Checkpoints", "--max-wall", "--checkpoint-every", "=200"});
  expect({"plan"}, 0, {"pretrain", "long_text", "gradients", "the most at any time"});
  expect({"describe"}, 0, {".vocab = 1564", "stage 3", "TextWindows", "50000"});
}

TEST_CASE("generate, eval and report of a run that is not there say so and leave nothing") {
  const ScratchDirectory out;
  for (const char* command : {"generate", "eval", "report"}) {
    const Ended ended =
        run({command, "--out", (out / "run").string(), "--corpus", books().string(), "--held-out", "last"});
    INFO(command << ": " << ended.said);
    CHECK(ended.code == 2);
    CHECK_THAT(ended.said, Contains((out / "run").string()) && Contains("train"));
    CHECK(!fs::exists(out / "run"));
  }
}

TEST_CASE("a corpus that is not there, or lacks the held-out book, does not bind the directory") {
  const ScratchDirectory out;
  expect(train(out / "run", 1, out / "nowhere"), 2, {"nowhere", "--corpus"});
  fs::create_directory(out / "empty");
  expect(train(out / "run", 1, out / "empty"), 2, {"no .txt, .gz or .rdb file"});
  expect(with(out, {"--held-out", "emma"}), 2, {"'emma'", "first, last, second", "--held-out"});
  expect_undisturbed(out);
}

TEST_CASE("a book that is no book is named, with what is wrong and what to do") {
  struct Case {
    const char* what;
    std::string contents;
    int code;
    std::vector<std::string> words;
  };
  const std::string text = prose(3000);
  for (const Case& c : {Case{"empty", "", 4, {"first.txt is empty"}},
                        Case{"binary", text.substr(0, 5000) + std::string(100, '\0'), 4, {"first.txt is binary"}},
                        Case{"one line", "Call me Ishmael.\n", 4, {"first.txt holds 16 bytes", "at least"}},
                        Case{"invalid UTF-8",
                             text.substr(0, 3000) + "\xff" + text.substr(3000),
                             4,
                             {"first.txt is not valid UTF-8", "iconv"}}}) {
    const ScratchDirectory out;
    SECTION(c.what) {
      expect(train(out / "run", 1, books_with(out, "first.txt", c.contents)), c.code, c.words);
      expect_undisturbed(out);
    }
  }
}

TEST_CASE("books shorter than the context are said at the start, before anything is trained") {
  const ScratchDirectory out;
  SECTION("the books to train on") {
    // Large enough for the tokenizer, but in books of which none has a window of the long stage.
    const fs::path corpus = out / "books";
    fs::create_directory(corpus);
    fs::copy(books() / "last.txt", corpus / "last.txt");
    const std::string all = read_file(books() / "first.txt") + read_file(books() / "second.txt");
    for (std::size_t i = 0; i < 30; ++i) {
      const std::string part = all.substr(i * 1100, 1100);
      replace_file(corpus / ("part" + std::to_string(i) + ".txt"), part);
    }
    expect(train(out / "run", 1, corpus), 2, {"a window of", "longest of the", "long_text", "add a longer book"});
  }
  SECTION("the book held out") {
    const fs::path corpus = books_with(out, "last.txt", read_file(books() / "last.txt").substr(0, 1200));
    expect(train(out / "run", 1, corpus), 2, {"last", "context of 256", "--held-out"});
  }
  CHECK(!fs::exists(out / "run" / "seed_0"));
  expect_undisturbed(out);
}

TEST_CASE("another recipe or other options do not go on with a run") {
  const ScratchDirectory out;
  REQUIRE(stop_after(out / "run", 2).code == 75);
  const auto names = names_in(node(out / "run", 0) / "checkpoints");
  expect(train(out / "run") + Arguments{"--scale", "2"}, 2, {"another scale: 1.0 there, 2.0 here", "another --out"});
  expect(train(out / "run") + Arguments{"--lr-scale", "0.5"}, 2, {"another lr_scale: 1.0 there, 0.5 here"});
  const fs::path json = out / "run" / "run.json";
  const std::string before = read_file(json);
  std::string other = before;
  other.replace(other.find("TextWindows"), 11, "RecordLists");
  write_resealed(json, other);
  expect(train(out / "run"), 2, {"another recipe: ", "RecordLists"});
  replace_file(json, before);
  CHECK(names_in(node(out / "run", 0) / "checkpoints") == names);
  expect_undisturbed(out);
}

TEST_CASE("an --out that cannot be a directory is a sentence") {
  const ScratchDirectory out;
  replace_file(out / "file", "x");
  expect(train(out / "file" / "run"), 1, {"make the directory", "file where a directory was expected"});
  expect(train(out / "file"), 1, {"make the directory", (out / "file").string()});
  CHECK(read_file(out / "file") == "x");
  std::string deep = (out / "d").string();
  while (deep.size() < 3900) deep += "/" + std::string(200, 'd');
  expect({"train", "--out", deep, "--corpus", (out / "nowhere").string()}, 2, {"leaves no room", "4095"});
  expect({"train", "--out", (out / std::string(256, 'd')).string()}, 2, {"256 bytes", "255"});
  // Said before the books are read, and before a model is looked for.
  for (const char* command : {"train", "eval"})
    CHECK_THAT(run({command, "--out", (out / "file/run").string(), "--corpus", (out / "nowhere").string()}).said,
               Contains(command == std::string("train") ? "make the directory" : "there is no run in"));
}

TEST_CASE("generate says what it was given wrong, and prints nothing but the text") {
  const ScratchDirectory out;
  const auto generate = [&](const Arguments& more) {
    return run(
        Arguments{"generate", "--out", (out / "run").string(), "--corpus", books().string(), "--held-out", "last"} +
        more);
  };
  CHECK_THAT(generate({"--tokens", "-4"}).said, Contains("--tokens was given -4, expected a positive"));
  CHECK_THAT(generate({"--temperature", "nan"}).said, Contains("--temperature"));
  // Said before the books are looked at, which may be those of another run.
  CHECK_THAT(run({"generate", "--out", (out / "run").string(), "--corpus", (out / "nowhere").string()}).said,
             Contains("there is no run in"));
  REQUIRE(run(train(out / "run")).code == 0);
  // The seed whose model is missing is looked for before another is evaluated.
  const Ended eval = run({"eval", "--out", (out / "run").string(), "--corpus", books().string(), "--held-out", "last",
                          "--samples", "1", "--seeds", "2"});
  CHECK(eval.code == 2);
  CHECK_THAT(eval.said, Contains("there is no finished model in") && !Contains("needles"));
  const Ended ended = generate({"--prompt", "the", "--tokens", "1"});
  CHECK(ended.code == 0);
  CHECK(ended.said.find("books") == std::string::npos);
  CHECK(std::count(ended.said.begin(), ended.said.end(), '\n') >= 1);
  CHECK(ended.said.size() < 40);                                    // one token and the end of the line
  for (const char* prompt : {"", "\xff\xfe caf\xc3\xa9", "\n\t "})  // any bytes are a prompt
    CHECK(generate({"--prompt", prompt, "--tokens", "2"}).code == 0);
  const Ended too_long = generate({"--prompt", std::string(20'000, 'q')});
  CHECK(too_long.code == 2);
  CHECK_THAT(too_long.said, Contains("context"));
}

TEST_CASE("a directory that may not be written is a sentence, and when it may be, the same command goes on") {
  const ScratchDirectory out;
  const auto readable = [](const fs::path& path) { fs::permissions(path, fs::perms(0755)); };
  readable(out.path());
  readable(books());
  const Start bound{.unprivileged = true};
  const fs::path run_directory = out / "run";
  {
    fs::permissions(out.path(), fs::perms(0555));
    const Ended ended = run(train(run_directory), bound);
    INFO(ended.said);
    CHECK(ended.code == 1);
    CHECK_THAT(ended.said, Contains(run_directory.string()) && Contains("ermission denied"));
    CHECK(!fs::exists(run_directory));
    fs::permissions(out.path(), fs::perms(0777));
  }
  const Arguments often = train(run_directory) + Arguments{"--checkpoint-every", "1"};
  const fs::path checkpoints = node(run_directory, 0) / "checkpoints";
  {
    Process process(often, bound);
    REQUIRE(process.says("\"step\":2,"));
    fs::permissions(checkpoints, fs::perms(0555));  // in the middle of the run
    const Ended ended = process.wait();
    INFO(ended.said);
    CHECK(ended.code == 1);
    CHECK_THAT(ended.said, Contains(checkpoints.string()) && Contains("ermission denied"));
    fs::permissions(checkpoints, fs::perms(0755));
  }
  Process again(often, bound);
  REQUIRE(again.says("resuming pretrain at step"));
  REQUIRE(again.says("\"stage\":\"sft\""));
  again.signal(SIGKILL);
  again.wait();
  Outcome outcome = outcome_of(run_directory);
  outcome.curves = {{nodes[0], outcome.curves[nodes[0]]}};
  CHECK(outcome == undisturbed_first_stage());
}

TEST_CASE("a program speaks under its own name, and has a directory of that name") {
  const ScratchDirectory out;
  const fs::path mine = out / "my_recipe";
  fs::create_symlink(LONGSKY_TINY_PROGRAM, mine);
  const std::string path = mine.string();
  const Start as_mine{.program = path.c_str()};
  CHECK_THAT(run({"train", "--help"}, as_mine).said, Contains("my_recipe") && Contains("=runs/my_recipe"));
  CHECK_THAT(run({"trian"}, as_mine).said, Contains("my_recipe:"));
  CHECK_THAT(run({"train", "--out", ""}, as_mine).said, Contains("--out"));
}
