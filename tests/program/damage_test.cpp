// program/damage_test.cpp — disks that fill and files that rot: what is whole is used, what is not is named.
#include "program/tiny_run.hpp"
#include "support/catch.hpp"

#include <cstring>
#include <limits>
#include <regex>
#include <string>

using namespace longsky;
using namespace longsky::test;
using Catch::Matchers::Contains;

namespace {

fs::path checkpoints(const ScratchDirectory& out) { return node(out.path(), 0) / "checkpoints"; }

void flip_a_bit(const fs::path& path, double where) {
  std::string bytes = read_file(path);
  bytes[static_cast<std::size_t>(where * static_cast<double>(bytes.size() - 1))] ^= 0x10;
  replace_file(path, bytes);
}
void truncate(const fs::path& path) { replace_file(path, read_file(path).substr(0, fs::file_size(path) / 2)); }

void expect_undisturbed_end(const ScratchDirectory& out, const std::string& said = "") {
  const Ended ended = run(train(out.path(), 2));
  INFO(ended.said);
  CHECK(ended.code == 0);
  CHECK_THAT(ended.said, Contains(said));
  CHECK(outcome_of(out.path()) == undisturbed());
}

void expect_undisturbed_stage(const ScratchDirectory& out, const std::string& words) {
  const auto [said, outcome] = first_stage(out.path(), 2);
  INFO(said);
  CHECK_THAT(said, Contains(words));
  CHECK(outcome == undisturbed_first_stage());
}

}  // namespace

TEST_CASE("a damaged newest checkpoint is passed over, named, and the one before is used", "[repeats]") {
  for (const char* file : {"model.safetensors", "optimizer.safetensors", "state.json", "COMPLETE"}) {
    const ScratchDirectory out;
    DYNAMIC_SECTION(file) {
      REQUIRE(stop_after(out.path(), 3).code == 75);
      const auto names = names_in(checkpoints(out));
      REQUIRE(names.size() >= 2);
      const fs::path newest = checkpoints(out) / names.back();
      SECTION("a bit") { flip_a_bit(newest / file, 0.6); }
      SECTION("its second half") { truncate(newest / file); }
      expect_undisturbed_stage(out, newest.string() + "' is damaged");
    }
  }
}

TEST_CASE("when every checkpoint of a stage is damaged, the stage begins again") {
  const ScratchDirectory out;
  REQUIRE(stop_after(out.path(), 3).code == 75);
  for (const std::string& name : names_in(checkpoints(out))) truncate(checkpoints(out) / name / "model.safetensors");
  expect_undisturbed_stage(out, "is damaged");
}

TEST_CASE("damage to what a run cannot make again is code 4 with the file's name") {
  const ScratchDirectory out;
  REQUIRE(run(train(out.path())).code == 0);
  const Json summary = Json::parse(read_file(out / "summary.json"));
  CHECK(summary.at("skipped_steps").get<int>() == 0);
  CHECK(summary.at("empty_steps").get<int>() == 0);
  CHECK(summary.at("stages").at("pretrain").at("steps").get<int>() == 5);
  CHECK(summary.at("stages").at("pretrain+sft").at("skipped").get<int>() == 0);
  CHECK_THAT(read_file(out / "report.html"), Contains("skipped as spikes"));
  const Arguments generate = {
      "generate", "--out", out.path().string(), "--corpus", books().string(), "--held-out", "last",
      "--prompt", "the",   "--tokens",          "4",        "--progress",     "none"};
  CHECK(run(generate).code == 0);
  const auto expect_corrupt = [&](const fs::path& file, const Arguments& arguments, const std::string& name) {
    const std::string before = read_file(file);
    for (const std::string& bytes : {before.substr(0, before.size() / 2), std::string("{}"), std::string()}) {
      replace_file(file, bytes);
      const Ended ended = run(arguments);
      INFO(file << " of " << bytes.size() << " bytes: " << ended.said);
      CHECK(ended.code == 4);
      CHECK_THAT(ended.said, Contains(name));
    }
    replace_file(file, before);
  };
  const fs::path finished = node(out.path(), 2) / "checkpoints" / "finished";
  expect_corrupt(finished / "model.safetensors", generate, finished.string());
  expect_corrupt(finished / "COMPLETE", generate, finished.string());
  expect_corrupt(out / "tokenizer.json", generate, "tokenizer.json");
  expect_corrupt(out / "tokenizer.json", train(out.path()), "tokenizer.json");
  expect_corrupt(out / "run.json", train(out.path()), "run.json");
  expect_corrupt(node(out.path(), 0) / "checkpoints" / "finished" / "model.safetensors", train(out.path()), "finished");

  // An evaluation can be made again, by train; a report only reads.
  const fs::path evaluation = node(out.path(), 2) / "evaluation.json";
  const Arguments report = {"report", "--out", out.path().string()};
  expect_corrupt(out / "run.json", report, "run.json");
  expect_corrupt(evaluation, report, "evaluation.json");
  const std::string before = read_file(evaluation);
  const std::string fewer = std::regex_replace(before, std::regex("\"exact\": \\[[^\\]]*\\],?"), "\"exact\": [");
  REQUIRE(fewer != before);
  write_resealed(evaluation, fewer);
  const Ended ended = run(report);
  INFO(ended.said);
  CHECK(ended.code == 4);
  CHECK_THAT(ended.said, Contains("evaluation.json is not what a run writes: its numbers do not fit together"));
  truncate(evaluation);
  expect_undisturbed_end(out);
}

TEST_CASE("a finished stage without its metrics costs its curve in the report, and is said") {
  const ScratchDirectory out;
  REQUIRE(first_stage(out.path()).second == undisturbed_first_stage());
  fs::remove(node(out.path(), 0) / "metrics.jsonl");
  const Ended ended = run(train(out.path()));
  INFO(ended.said);
  CHECK(ended.code == 0);
  CHECK_THAT(ended.said, Contains("missing: the losses of pretrain") && Contains("metrics.jsonl"));
  CHECK_THAT(read_file(out / "report.html"), Contains("the losses of pretrain"));
  CHECK(Json::parse(read_file(out / "summary.json")).at("missing").size() == 1);
}

TEST_CASE("NaN in the weights is code 5, and nothing is lost") {
  const ScratchDirectory out;
  REQUIRE(stop_after(out.path(), 3).code == 75);
  const auto names = names_in(checkpoints(out));
  const fs::path newest = checkpoints(out) / names.back();
  const std::string before = read_file(newest / "model.safetensors");
  std::string bytes = before;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(bytes.data() + (bytes.size() - 4 * 64) / 4 * 4, &nan, sizeof nan);  // in the last tensor
  replace_file(newest / "model.safetensors", bytes);
  const auto step = open_checkpoint(newest).step;
  sign(newest, step);
  const Ended ended = run(train(out.path()) + Arguments{"--checkpoint-every", "1"});
  INFO(ended.said);
  CHECK(ended.code == 5);
  CHECK_THAT(ended.said, Contains("not a finite number at step " + std::to_string(step + 1) + " of stage pretrain") &&
                             Contains("--lr-scale"));
  CHECK(names_in(checkpoints(out)) == names);
  CHECK(read_file(newest / "model.safetensors") == bytes);
  fs::remove_all(newest);
  expect_undisturbed_end(out);
}

TEST_CASE("files that cannot grow end the run with code 1, and cost nothing", "[repeats]") {
  int failed = 0;
  for (rlim_t limit = 600; limit < 2'000'000; limit *= 2) {
    const ScratchDirectory out;
    const Ended ended = run(train(out.path()) + Arguments{"--checkpoint-every", "2"}, {.file_limit = limit});
    INFO("a limit of " << limit << " bytes: " << ended.said);
    REQUIRE((ended.code == 0 || ended.code == 1));
    if (ended.code == 0) break;
    ++failed;
    CHECK_THAT(ended.said, Contains("cannot"));
    expect_undisturbed_end(out);
  }
  CHECK(failed > 3);
}

TEST_CASE("a disk that fills between two checkpoints leaves the older one, and the run goes on from it") {
  const ScratchDirectory out;
  REQUIRE(stop_after(out.path(), 2).code == 75);
  const auto names = names_in(checkpoints(out));
  SECTION("in a checkpoint") {
    const Ended ended = run(train(out.path()) + Arguments{"--checkpoint-every", "1"}, {.file_limit = 300'000});
    INFO(ended.said);
    CHECK(ended.code == 1);
    CHECK_THAT(ended.said, Contains("optimizer.safetensors") && Contains("File too large"));
  }
  SECTION("metrics that lead elsewhere") {
    const fs::path metrics = node(out.path(), 0) / "metrics.jsonl", aside = out / "aside";
    fs::rename(metrics, aside);
    fs::create_symlink("/dev/full", metrics);
    const Ended ended = run(train(out.path()));
    INFO(ended.said);
    CHECK(ended.code == 1);
    CHECK_THAT(ended.said, Contains("metrics.jsonl") && Contains("where a file was expected"));
    fs::remove(metrics);
    fs::rename(aside, metrics);
  }
  CHECK(names_in(checkpoints(out)) == names);
  expect_undisturbed_end(out, "resuming pretrain");
}

TEST_CASE("a checkpoint of another version of the program is refused, not passed over") {
  const ScratchDirectory out;
  REQUIRE(stop_after(out.path(), 3).code == 75);
  const auto names = names_in(checkpoints(out));
  const fs::path newest = checkpoints(out) / names.back();
  std::string state = read_file(newest / "state.json");
  const std::string format = "\"format\": 3";
  REQUIRE(state.find(format) != std::string::npos);
  state.replace(state.find(format), format.size(), "\"format\": 1");
  replace_file(newest / "state.json", state);
  sign(newest, open_checkpoint(newest).step);
  const Ended ended = run(train(out.path()));
  INFO(ended.said);
  CHECK(ended.code == 4);
  CHECK_THAT(ended.said, Contains("another version of longsky (1, expected 3)") && Contains("another --out"));
  CHECK(names_in(checkpoints(out)) == names);
}
