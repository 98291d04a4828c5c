// program/identity_test.cpp — whose a checkpoint is, who works in a directory, and what lies outside of it.
#include "program/tiny_run.hpp"
#include "support/catch.hpp"

#include <longsky/program/records.hpp>

#include <string>

using namespace longsky;
using namespace longsky::test;
using Catch::Matchers::Contains;

namespace {

/// Every file below a directory, with its bytes; where it was found, without the lock's words.
std::map<std::string, std::string> everything_in(const fs::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (!entry.is_symlink() && entry.is_regular_file() && entry.path().filename() != "lock")
      files[entry.path().string()] = read_file(entry.path());
  return files;
}

/// A command that is refused, and changes nothing.
void expect_refused(const fs::path& out, const Arguments& arguments, const std::vector<std::string>& words,
                    int code = 2) {
  const auto before = everything_in(out);
  const Ended ended = run(arguments);
  INFO(ended.said);
  CHECK(ended.code == code);
  for (const std::string& word : words) CHECK_THAT(ended.said, Contains(word));
  CHECK(everything_in(out) == before);
}

void expect_undisturbed_stage(const fs::path& out) {
  const auto [said, outcome] = first_stage(out, 2);
  INFO(said);
  CHECK(outcome == undisturbed_first_stage());
}

}  // namespace

TEST_CASE("without run.json, a checkpoint of other options or books is not gone on from") {
  const ScratchDirectory scratch;
  const fs::path out = scratch / "run", json = out / "run.json";
  REQUIRE(stop_after(out, 2).code == 75);
  const std::string checkpoint = node(out, 0).string();
  fs::remove(json);
  expect_refused(out, train(out) + Arguments{"--lr-scale", "0.5"},
                 {"the checkpoint " + checkpoint, "another lr_scale: 1.0 there, 0.5 here", "another --out"});
  expect_refused(out, train(out) + Arguments{"--scale", "2"}, {"another scale: 1.0 there, 2.0 here"});
  write_books(scratch / "books", 3100);
  expect_refused(out, train(out, 1, scratch / "books"), {"another books: "});
  // A link that leads nowhere is no run.json either, and neither is it none.
  fs::create_symlink("run.json", json);
  expect_refused(out, train(out), {"run.json", "Too many levels of symbolic links"}, 1);
  fs::remove(json);
  expect_undisturbed_stage(out);
}

TEST_CASE("a checkpoint that lies in another stage's or seed's place is refused") {
  const ScratchDirectory scratch;
  const fs::path out = scratch / "run";
  first_stage(out);
  REQUIRE(fs::exists(node(out, 0) / "checkpoints/finished"));
  const fs::path wrong = node(out, 1) / "checkpoints/finished";
  fs::create_directories(wrong.parent_path());
  fs::copy(node(out, 0) / "checkpoints/finished", wrong);
  expect_refused(out, train(out), {wrong.string(), "another stages: 'pretrain' there, 'pretrain+sft' here"});
  fs::remove_all(wrong);
  fs::create_directories(out / "seed_3");
  fs::copy(node(out, 0), out / "seed_3/pretrain", fs::copy_options::recursive);
  expect_refused(out, train(out) + Arguments{"--seed", "3"}, {"seed_3", "another seed: 0 there, 3 here"});
  fs::remove_all(out / "seed_3");
  expect_undisturbed_stage(out);
}

TEST_CASE("what a user puts beside the stages of a run stands in nobody's way and stays") {
  const ScratchDirectory scratch;
  const fs::path out = scratch / "run", seed = out / "seed_0";
  REQUIRE(stop_after(out, 2).code == 75);
  fs::copy(seed / "pretrain", seed / "pretrain_backup", fs::copy_options::recursive);
  replace_file(seed / "notes.txt", "notes");
  fs::create_directory_symlink("pretrain", seed / "latest");
  fs::create_directories(seed / "other/checkpoints/step_00000001");
  const auto before = everything_in(seed / "pretrain_backup");
  expect_undisturbed_stage(out);
  CHECK(everything_in(seed / "pretrain_backup") == before);
  CHECK(read_file(seed / "notes.txt") == "notes");
}

TEST_CASE("a checkpoint of another build is gone on from, and that is said once") {
  const ScratchDirectory scratch;
  const fs::path out = scratch / "run";
  REQUIRE(stop_after(out, 3).code == 75);
  const auto names = names_in(node(out, 0) / "checkpoints");
  for (const std::string& name : names) {
    const fs::path directory = node(out, 0) / "checkpoints" / name;
    std::string state = read_file(directory / "state.json");
    const std::size_t at = state.find(", code ");
    REQUIRE(at != std::string::npos);
    state.replace(at + 7, 8, "not this");
    replace_file(directory / "state.json", state);
    sign(directory, open_checkpoint(directory).step);
  }
  const auto [said, outcome] = first_stage(out);
  INFO(said);
  const std::size_t first = said.find("was written by another build (longsky ");
  REQUIRE(first != std::string::npos);
  CHECK(said.find("another build", first + 20) == std::string::npos);
  CHECK_THAT(said, Contains("code not this") && Contains("this is longsky "));
  CHECK(outcome == undisturbed_first_stage());
  CHECK(first_stage(scratch / "other").first.find("another build") == std::string::npos);
}

TEST_CASE("every flipped bit of the records of a run is code 4 with the file's name", "[repeats]") {
  const ScratchDirectory scratch;
  const fs::path out = scratch / "run";
  REQUIRE(run(train(out)).code == 0);
  const auto expect_all_refused = [&]<class Record>(Record, const fs::path& path) {
    const std::string good = read_file(path);
    const fs::path copy = scratch / path.filename().string();
    std::size_t refused = 0;
    for (std::size_t i = 0; i < good.size(); ++i)
      for (int bit = 0; bit < 8; ++bit) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
        fs::remove(copy);
        FileWriter(copy).write(bad);
        try {
          read_record<Record>(copy);
          FAIL_CHECK(path << ": bit " << bit << " of byte " << i << " was accepted");
        } catch (const Error& error) {
          refused += error.code() == ExitCode::corrupt && std::string(error.what()).find(copy) != std::string::npos;
        }
      }
    CHECK(refused == 8 * good.size());
  };
  expect_all_refused(RunRecord(), out / "run.json");
  expect_all_refused(EvaluationRecord(), node(out, 2) / "evaluation.json");
}

TEST_CASE("two processes in one directory: the second is told who the first is, and writes nothing") {
  const ScratchDirectory scratch;
  const fs::path out = scratch / "run";
  Process first(train(out) + Arguments{"--checkpoint-every", "1"});
  REQUIRE(first.says("\"step\":2,"));
  first.signal(SIGSTOP);
  for (const char* command : {"train", "eval", "report"}) {
    Arguments arguments = train(out);
    arguments[0] = command;
    if (arguments[0] == "report") arguments = {"report", "--out", out.string()};
    const Ended ended = run(arguments);
    INFO(command << ": " << ended.said);
    if (arguments[0] != "eval") {  // which first misses a finished model
      CHECK(ended.code == 1);
      CHECK_THAT(ended.said, Contains("is in use by process " + std::to_string(first.id()) + " on "));
    }
  }
  first.signal(SIGCONT);
  first.signal(SIGKILL);
  first.wait();
  expect_undisturbed_stage(out);  // what a dead process locked is free
}

TEST_CASE("nothing is written or removed through a link inside the directory of a run") {
  const ScratchDirectory scratch;
  const fs::path real = scratch / "real", out = scratch / "run", outside = scratch / "outside";
  REQUIRE(stop_after(real, 2).code == 75);
  fs::create_directory_symlink(real, out);  // the whole of it may be elsewhere
  CHECK(stop_after(out, 3).code == 75);
  for (const fs::path part : {"seed_0", "seed_0/pretrain", "seed_0/pretrain/checkpoints", "seed_0/pretrain/tb"}) {
    fs::rename(real / part, outside);
    fs::create_directory_symlink(outside, real / part);
    expect_refused(scratch.path(), train(out), {part.string() + "' is a symbolic link", "--out"});
    fs::remove(real / part);
    fs::rename(outside, real / part);
  }
  // What killed processes left goes, what only looks like it or leads elsewhere stays.
  replace_file(scratch / "precious", "precious");
  const fs::path left = temporary_name(out / "run.json"), link = temporary_name(out / "tokenizer.json"),
                 other = out / "notes.tmp-1";
  replace_file(left, "x");
  fs::create_symlink(scratch / "precious", link);
  replace_file(other, "notes");
  expect_undisturbed_stage(out);
  CHECK(!fs::exists(left));
  CHECK(read_file(other) == "notes");
  CHECK(read_file(scratch / "precious") == "precious");
}
