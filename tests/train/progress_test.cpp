// tests/train/progress_test.cpp — what is shown where: bars on terminals, plain lines in logs, JSON for programs.
#include "support/catch.hpp"

#include <longsky/train/progress.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <sstream>
#include <string>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

ProgressState state(std::int64_t step, double run_fraction, std::string_view stage = "pretrain") {
  return {.stage = stage,
          .step = step,
          .steps = 200,
          .loss = 1.25,
          .grad_norm = 0.5,
          .tokens_per_s = 12345,
          .fraction_of_peak = 0.61,
          .memory = std::int64_t{512} << 20,
          .run_fraction = run_fraction};
}

int columns(const std::string& line) {  // of a line without escapes: bytes that start a character
  int n = 0;
  for (char c : line) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return n;
}

int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

}  // namespace

TEST_CASE("plain lines have no escapes and keep their distance") {
  std::ostringstream out;
  Progress progress(out, {.plain_seconds = 10});
  progress.update(state(1, 0.0), 100);
  progress.update(state(2, 0.1), 105);
  progress.update(state(3, 0.2), 110);
  progress.update(state(200, 0.25), 111);
  progress.update(state(1, 0.5, "sft"), 112);
  progress.message("saved");
  progress.finish();
  CHECK(count(out.str(), "\n") == 5);
  CHECK(count(out.str(), "\x1b") == 0);
  CHECK(count(out.str(), "\r") == 0);
  CHECK_THAT(out.str(), Contains("pretrain  step 3/200  loss 1.2500  norm 0.50  12.3k tok/s  61% of peak  512 MiB  "
                                 "run 20.0%  ETA 0:40\n"));
  CHECK_THAT(out.str(), Contains("sft  step 1/200") && Contains("saved\n"));
}

TEST_CASE("a terminal has one live line that never wraps") {
  for (int width : {20, 40, 60, 80, 100, 200}) {
    std::ostringstream out;
    Progress progress(out, {.is_terminal = true, .columns = width});
    progress.update(state(50, 0.0), 0);
    progress.update(state(100, 0.5), 60);
    const std::string text = out.str();
    CHECK(count(text, "\n") == 0);
    const std::size_t start = text.rfind('\r') + 1;
    const std::string line = text.substr(start, text.rfind("\x1b[K") - start);
    INFO(line);
    if (width >= 40) CHECK(columns(line) < width);
    CHECK_THAT(line, Contains("100/200") && Contains("ETA 1:00"));
    CHECK((line.find("█") != std::string::npos) == (width >= 40));
    CHECK((line.find("512 MiB") != std::string::npos) == (width >= 100));
    CHECK(count(text, "\x1b[36m") == 0);
  }
}

TEST_CASE("the live line is redrawn ten times a second, below messages") {
  std::ostringstream out;
  {
    Progress progress(out, {.is_terminal = true, .colour = true, .columns = 120});
    for (int i = 0; i < 100; ++i) progress.update(state(i, i / 1000.0), i * 0.01);
    CHECK(count(out.str(), "\r") == 10);
    progress.message("checkpoint written");
    CHECK_THAT(out.str(), Contains("\r\x1b[Kcheckpoint written\n\x1b[36mpretrain"));
  }
  CHECK(out.str().back() == '\n');
}

TEST_CASE("JSON has every step, none has nothing") {
  std::ostringstream json, none;
  Progress a(json, {.style = ProgressStyle::json}), b(none, {.style = ProgressStyle::none});
  for (Progress* p : {&a, &b}) {
    p->update(state(1, 0.25), 0);
    p->update(state(2, 0.5), 0.01);
    p->message("a \"word\"");
    p->finish();
  }
  CHECK(none.str().empty());
  std::istringstream lines(json.str());
  std::string line;
  std::getline(lines, line);
  CHECK(Json::parse(line)["eta_s"].is_null());
  std::getline(lines, line);
  CHECK(Json::parse(line)["eta_s"].get<double>() == Approx(0.02));
  std::getline(lines, line);
  CHECK(Json::parse(line)["text"] == "a \"word\"");
}

TEST_CASE("who evaluates has no loss to show") {
  ProgressState needles = state(7, 0.5, "needles: after");
  needles.trains = false;
  for (const ProgressStyle style : {ProgressStyle::plain, ProgressStyle::bar}) {
    std::ostringstream out;
    Progress(out, {.style = style, .is_terminal = style == ProgressStyle::bar, .columns = 200}).update(needles, 0);
    CHECK_THAT(out.str(), Contains("7/200") && Contains("512 MiB") && !Contains("loss") && !Contains("tok/s"));
  }
  std::ostringstream out;
  Progress(out, {.style = ProgressStyle::json}).update(needles, 0);
  CHECK_THAT(out.str(), Contains("\"loss\":null") && Contains("\"tok_s\":null") && Contains("\"step\":7"));
}

TEST_CASE("a bar that was asked for is plain where there is no terminal") {
  std::ostringstream out;
  Progress progress(out, {.style = ProgressStyle::bar});
  progress.update(state(1, 0.1), 0);
  CHECK_THAT(out.str(), Contains("step 1/200") && !Contains("\r"));
}

TEST_CASE("the environment decides") {
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  CHECK(!progress_options(ProgressStyle::automatic, pipe_ends[1]).is_terminal);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(terminal >= 0);
  setenv("TERM", "xterm", 1);
  unsetenv("NO_COLOR");
  CHECK(progress_options(ProgressStyle::automatic, terminal).is_terminal);
  CHECK(progress_options(ProgressStyle::automatic, terminal).colour);
  setenv("NO_COLOR", "1", 1);
  CHECK(progress_options(ProgressStyle::automatic, terminal).is_terminal);
  CHECK(!progress_options(ProgressStyle::automatic, terminal).colour);
  setenv("TERM", "dumb", 1);
  CHECK(!progress_options(ProgressStyle::automatic, terminal).is_terminal);
  close(terminal);
}

TEST_CASE("figures are short") {
  CHECK(duration_text(0) == "0:00");
  CHECK(duration_text(125) == "2:05");
  CHECK(duration_text(3725) == "1:02:05");
  CHECK(duration_text(3 * 86400 + 4 * 3600) == "3d 04h");
  CHECK(duration_text(-1) == "–");
  CHECK(quantity_text(0) == "0");
  CHECK(quantity_text(999) == "999");
  CHECK(quantity_text(1000) == "1.00k");
  CHECK(quantity_text(45678) == "45.7k");
  CHECK(quantity_text(4.5e8) == "450M");
  CHECK(memory_text(std::int64_t{3} << 29) == "1.5 GiB");
  CHECK(progress_style("json") == ProgressStyle::json);
  REQUIRE_THROWS_WITH(progress_style("jsn"), Contains("'jsn'") && Contains("choose auto"));
}
