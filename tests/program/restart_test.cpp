// program/restart_test.cpp — however often and however rudely a run is ended, it ends with the same bits.
#include "program/tiny_run.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <string>

using namespace longsky;
using namespace longsky::test;
using Catch::Matchers::Contains;

namespace {

bool training(const std::string& line) {
  return line.find("\"type\":\"progress\"") != std::string::npos && line.find("\"loss\":null") == std::string::npos;
}

/// The first line of a process that tells of a training step; empty where it makes none.
std::string first_step(Process& process) {
  std::string line = process.line();
  while (!line.empty() && !training(line)) line = process.line();
  return line;
}

}  // namespace

TEST_CASE("a whole run has the same bits for 1, 2, 3 and 8 threads", "[repeats]") {
  CHECK(undisturbed().files.size() == 3 * 3 + 2);  // weights, moments and guard of three stages, two evaluations
  CHECK(Json::parse(undisturbed().files.at("pretrain/guard")).at("losses").size() == 5);
  CHECK(undisturbed().curves.at("pretrain").size() == 5);
  for (int threads : {2, 3, 8}) {
    const ScratchDirectory out;
    const Ended ended = run(train(out.path(), threads));
    INFO(ended.said);
    REQUIRE(ended.code == 0);
    CHECK(outcome_of(out.path()) == undisturbed());
  }
}

TEST_CASE("stopped by a signal after every step, resumed with other threads", "[repeats]") {
  const ScratchDirectory out;
  const int signals[] = {SIGTERM, SIGINT, SIGUSR1};
  int stops = 0;
  for (int round = 0; round < 40; ++round) {
    Process process(train(out.path(), round % 3 + 1) + Arguments{"--checkpoint-every", "1"});
    const std::string step = first_step(process);
    if (!step.empty()) process.signal(signals[round % 3]);
    const Ended ended = process.wait();
    INFO(ended.said);
    if (ended.code == 0) break;
    REQUIRE(ended.code == 75);
    CHECK_THAT(ended.said,
               Contains("the same command goes on from there") || Contains("the same command begins with it again"));
    ++stops;
  }
  CHECK(stops >= 8);  // of 13 steps; on a busy machine a signal may come a step later
  CHECK(outcome_of(out.path()) == undisturbed());
}

TEST_CASE("a run whose output nobody reads any more stops with a checkpoint, and can go on") {
  const ScratchDirectory out;
  Process process(train(out.path()));
  REQUIRE(!first_step(process).empty());
  process.stop_listening();
  CHECK(process.wait().code == 75);
  const Ended ended = run(train(out.path()));
  INFO(ended.said);
  CHECK(ended.code == 0);
  CHECK(outcome_of(out.path()) == undisturbed());
}

TEST_CASE("a run that was started with SIGHUP or SIGINT ignored goes on when it comes", "[repeats]") {
  for (const int ignored : {SIGHUP, SIGINT}) {
    const ScratchDirectory out;
    Process process(train(out.path()), {.ignored = ignored});
    REQUIRE(!first_step(process).empty());
    for (int i = 0; i < 3; ++i) process.signal(ignored);
    const Ended ended = process.wait();
    INFO(ended.said);
    CHECK(ended.code == 0);
    CHECK(outcome_of(out.path()) == undisturbed());
  }
}

TEST_CASE("stopped while evaluating, the run evaluates again") {
  const ScratchDirectory out;
  {
    Process process(train(out.path()));
    REQUIRE(process.says("needles: after"));
    process.signal(SIGTERM);
    const Ended ended = process.wait();
    INFO(ended.said);
    CHECK(ended.code == 75);
  }
  CHECK(run(train(out.path())).code == 0);
  CHECK(outcome_of(out.path()) == undisturbed());
}

TEST_CASE("stopped while measuring perplexity, the run measures it again") {
  const ScratchDirectory out;
  {
    Process process(train(out.path()));
    REQUIRE(process.says("perplexity: "));
    process.signal(SIGTERM);
    const Ended ended = process.wait();
    INFO(ended.said);
    CHECK(ended.code == 75);
  }
  CHECK(run(train(out.path())).code == 0);
  CHECK(outcome_of(out.path()) == undisturbed());
}

TEST_CASE("the time of every invocation counts, however it ended", "[repeats]") {
  const ScratchDirectory out;
  const auto wall = [&] { return read_record<RunRecord>(out / "run.json").wall_s; };
  double before = 0;
  for (int step = 1; step <= 4; ++step) {
    REQUIRE(stop_after(out.path(), step).code == 75);
    CHECK(wall() > before);
    before = wall();
  }
  // One that is refused does nothing, and its time is not the run's.
  CHECK(run(train(out.path()) + Arguments{"--lr-scale", "0.5"}).code == 2);
  CHECK(wall() == before);
  CHECK(run(train(out.path())).code == 0);
  CHECK(wall() > before);
  before = wall();
  CHECK(
      run({"eval", "--out", out.path().string(), "--corpus", books().string(), "--held-out", "last", "--samples", "1"})
          .code == 0);
  CHECK(wall() > before);
  CHECK(Json::parse(read_file(out / "summary.json")).at("wall_s").get<double>() > before);
}

TEST_CASE("stopped by --max-wall again and again, until it is long enough", "[repeats]") {
  const ScratchDirectory out;
  int stops = 0, code = 75;
  for (int tenths = 1; code == 75 && tenths < 600; ++tenths) {
    const std::string wall = std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "s";
    const Ended ended =
        run(train(out.path(), tenths % 2 + 1) + Arguments{"--max-wall", wall, "--checkpoint-every", "2"});
    INFO(ended.said);
    code = ended.code;
    REQUIRE((code == 75 || code == 0));
    stops += code == 75;
  }
  CHECK(code == 0);
  CHECK(stops > 0);
  CHECK(outcome_of(out.path()) == undisturbed());
}

TEST_CASE("a second SIGINT does not wait, and costs at most the steps since the last checkpoint") {
  const ScratchDirectory out;
  int code = 0;
  for (int tries = 0; code != 130 && tries < 5; ++tries) {
    Process process(train(out.path()) + Arguments{"--checkpoint-every", "1"});
    if (first_step(process).empty()) break;
    while (!process.ended()) {  // two signals that wait to be delivered are one
      process.signal(SIGINT);
      ::usleep(100);
    }
    code = process.wait().code;
    CHECK((code == 130 || code == 75));
  }
  CHECK(code == 130);
  CHECK(run(train(out.path())).code == 0);
  CHECK(outcome_of(out.path()) == undisturbed());
}

TEST_CASE("kill -9 at a hundred random moments, inside saves too", "[repeats]") {
  Random random(5, stream_of("kill"), 0);
  constexpr int rounds = 100;
  int kills = 0, inside_a_save = 0, finished = 0;
  while (kills < rounds) {
    const ScratchDirectory out;
    std::int64_t saved[3] = {0, 0, 0};
    for (bool done = false; !done;) {
      Process process(train(out.path(), kills % 2 + 1) + Arguments{"--checkpoint-every", "1"});
      if (kills < rounds && kills % 4 != 0) {
        first_step(process);  // on any machine: most kills come when it trains and saves
        ::usleep(random.below(random.below(3) == 0 ? 30'000 : 5'000));
        process.signal(SIGKILL);
      } else if (kills < rounds) {
        ::usleep(random.below(300'000));
        process.signal(SIGKILL);
      }
      const Ended ended = process.wait();
      INFO(ended.said);
      REQUIRE((ended.code == 0 || ended.code == 128 + SIGKILL));
      done = ended.code == 0;
      kills += !done;
      for (int i = 0; i < 3; ++i) {
        for (const std::string& name : names_in(node(out.path(), i) / "checkpoints"))
          inside_a_save += !done && name.find(".tmp-") != std::string::npos;
        // What was saved once is never lost, and nothing that bears a checkpoint's name is not whole.
        const auto newest =
            newest_checkpoint(node(out.path(), i), [](const std::string& sentence) { FAIL_CHECK(sentence); });
        const std::int64_t step = newest ? newest->step : 0;
        CHECK(step >= saved[i]);
        saved[i] = step;
      }
    }
    CHECK(outcome_of(out.path()) == undisturbed());
    ++finished;
  }
  CHECK(finished > 0);
  CHECK(inside_a_save > rounds / 12);
}
