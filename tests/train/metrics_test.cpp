// tests/train/metrics_test.cpp — the lines of a run, and no step twice after a restart.
#include "support/catch.hpp"

#include <longsky/train/metrics.hpp>

#include "support/scratch_directory.hpp"

#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

using namespace longsky;

namespace {

StepMetrics at_step(std::int64_t step) {
  return {.step = step,
          .stage = "long",
          .tokens = step * 512,
          .trained = 400,
          .skipped = step == 1,
          .loss = 2.0,
          .lr = 1e-3,
          .grad_norm = 0.5,
          .tok_s = 1e4,
          .mfu = 0.6,
          .mem_peak = 1 << 20,
          .data_wait_ms = 0.25,
          .seq_len = 512};
}

std::vector<Json> lines_of(const std::filesystem::path& run) {
  std::istringstream text(read_file(run / "metrics.jsonl"));
  std::vector<Json> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(Json::parse(line));
  return lines;
}

std::vector<int> steps_of(const std::filesystem::path& run) {
  std::vector<int> steps;
  for (const Json& line : lines_of(run)) steps.push_back(line["step"].get_or(-1));
  return steps;
}

}  // namespace

TEST_CASE("a step is a line with all its figures") {
  const ScratchDirectory run;
  MetricsLog log(run / "run", Json::object({{"recipe", "tiny"}}), 0, 0.25);
  log.write(at_step(1), 1.5);
  const auto lines = lines_of(run / "run");
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["type"] == "header");
  CHECK(lines[0]["recipe"] == "tiny");
  CHECK(lines[0]["time"] == "1970-01-01T00:00:00.250Z");
  CHECK(lines[0].contains("host"));
  for (const char* key : {"step", "stage", "tokens", "time", "loss", "ppl", "lr", "grad_norm", "tok_s", "mfu",
                          "mem_peak", "data_wait_ms", "seq_len", "trained", "skipped"})
    CHECK(lines[1].contains(key));
  CHECK(lines[1].size() == 16);
  CHECK(lines[1]["trained"].get<int>() == 400);
  CHECK(lines[1]["skipped"].get<bool>());
  CHECK(lines[1].contains("crc32c"));
  CHECK(lines[1]["ppl"].get<double>() == Approx(std::exp(2.0)));
  CHECK(lines[1]["time"] == "1970-01-01T00:00:01.500Z");
  log.write({.step = 2, .loss = NAN});
  CHECK(lines_of(run / "run")[2]["loss"].is_null());
}

TEST_CASE("a resumed run drops the steps it will do again, and a torn line") {
  const ScratchDirectory run;
  {
    MetricsLog log(run.path(), {}, 0);
    for (int step = 1; step <= 5; ++step) log.write(at_step(step));
    log.scalar("needle/exact", 5, 0.5);
  }
  FileWriter(run / "metrics.jsonl", O_APPEND).write("{\"step\":6,\"lo");
  {
    MetricsLog log(run.path(), {}, 3);
    log.write(at_step(4));
  }
  CHECK(steps_of(run.path()) == std::vector<int>{-1, 1, 2, 3, -1, 4});
  CHECK(lines_of(run.path())[4]["resumed_step"] == 3);
  SECTION("a new run begins a new file") {
    MetricsLog log(run.path(), {}, 0);
    log.write(at_step(1));
    CHECK(steps_of(run.path()) == std::vector<int>{-1, 1});
  }
}

TEST_CASE("a damaged line is said, and stays where it tells of a step that counts") {
  const ScratchDirectory run;
  {
    MetricsLog log(run.path(), {}, 0);
    for (int step = 1; step <= 5; ++step) log.write(at_step(step));
  }
  std::string text = read_file(run / "metrics.jsonl");
  for (const char* step : {"{\"step\":2,", "{\"step\":5,"}) text[text.find(step) + 8] ^= 1;  // 3 and 4
  replace_file(run / "metrics.jsonl", text);
  std::vector<std::string> said;
  {
    MetricsLog log(run.path(), {}, 4, 0, [&](const std::string& sentence) { said.push_back(sentence); });
  }
  REQUIRE(said.size() == 1);
  CHECK(said[0].find("metrics.jsonl has 2 lines that cannot be used") != std::string::npos);
  CHECK(said[0].find("the first is line 3: ") != std::string::npos);
  CHECK(steps_of(run.path()) == std::vector<int>{-1, 1, 3, 3, 4, -1});
  said.clear();
  {
    MetricsLog log(run.path(), {}, 4, 0, [&](const std::string& sentence) { said.push_back(sentence); });
  }
  CHECK(said.size() == 1);  // again, as long as it is there
}

TEST_CASE("steps of any size are read without overflow") {
  const ScratchDirectory run;
  std::string text;
  for (const std::int64_t step : {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()})
    text += sealed_text(Json::object({{"step", step}, {"loss", 1}})) + "\n";
  replace_file(run / "metrics.jsonl", text);
  { MetricsLog log(run.path(), {}, std::numeric_limits<std::int64_t>::max() - 1); }
  CHECK(lines_of(run.path()).size() == 2);  // the lower one, and the header
}

TEST_CASE("memory is measured in bytes") {
  CHECK(peak_memory() > (std::int64_t{1} << 20));
  CHECK(peak_memory() < (std::int64_t{1} << 40));
}
