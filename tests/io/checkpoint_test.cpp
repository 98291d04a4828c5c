// tests/io/checkpoint_test.cpp — one whole checkpoint is there at any moment, and a damaged one is never half read.
#include "support/catch.hpp"

#include <longsky/core/random.hpp>
#include <longsky/core/signals.hpp>
#include <longsky/io/checkpoint.hpp>

#include "support/scratch_directory.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <set>
#include <string>
#include <vector>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

/// A model and an optimizer all of whose numbers are the step.
struct Training {
  explicit Training(float value = -1.0f, std::size_t size = 600) : w(size, value), bias(3, value), m(size, value) {}
  void set(float value) {
    for (auto* v : {&w, &bias, &m}) v->assign(v->size(), value);
  }
  bool holds(float value) const {
    return w == std::vector<float>(w.size(), value) && bias == std::vector<float>(bias.size(), value) &&
           m == std::vector<float>(m.size(), value);
  }
  std::vector<TensorRef> model() {
    return {{"w", {static_cast<std::int64_t>(w.size()) / 3, 3}, w}, {"bias", {3}, bias}};
  }
  std::vector<TensorRef> optimizer() { return {{"m", {static_cast<std::int64_t>(m.size())}, m}}; }
  CheckpointInfo save(const std::filesystem::path& run, std::int64_t step, int keep) {
    set(static_cast<float>(step));
    return write_checkpoint(run, step, model(), optimizer(), Json::object({{"step", step}}), keep);
  }
  std::vector<float> w, bias, m;
};

std::set<std::string> names_in(const std::filesystem::path& directory) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) names.insert(entry.path().filename());
  return names;
}

struct Sentences {
  std::vector<std::string> said;
  auto take() {
    return [this](const std::string& sentence) { said.push_back(sentence); };
  }
};

/// A new file each time: some file systems flush one that is truncated and written again, which takes its time.
void put(const std::filesystem::path& path, const std::string& contents) {
  std::filesystem::remove(path);
  FileWriter(path).write(contents);
}

void flip(const std::filesystem::path& path, std::size_t byte, int bit) {
  std::string text = read_file(path);
  text[byte] = static_cast<char>(text[byte] ^ (1 << bit));
  put(path, text);
}

void expect_newest_is(const std::filesystem::path& run, std::int64_t step) {
  const auto found = newest_checkpoint(run, [](const std::string&) {});
  REQUIRE(found.has_value());
  REQUIRE(found->step == step);
  Training read;
  REQUIRE(read_checkpoint(*found, read.model(), read.optimizer())["step"] == step);
  REQUIRE(read.holds(static_cast<float>(step)));
}

}  // namespace

TEST_CASE("a checkpoint is read back, and only the newest are kept") {
  const ScratchDirectory run;
  Sentences sentences;
  CHECK(!newest_checkpoint(run.path(), sentences.take()));
  Training t;
  for (std::int64_t step : {10, 20, 30, 40}) {
    t.save(run.path(), step, 2);
    expect_newest_is(run.path(), step);
  }
  CHECK(names_in(run / "checkpoints") == std::set<std::string>{"step_00000030", "step_00000040"});
  CHECK(names_in(run / "checkpoints/step_00000040") ==
        std::set<std::string>{"COMPLETE", "model.safetensors", "optimizer.safetensors", "state.json"});
  t.save(run.path(), 50, 0);
  CHECK(names_in(run / "checkpoints") == std::set<std::string>{"step_00000050"});

  Training model_only;
  const auto found = newest_checkpoint(run.path(), sentences.take());
  read_checkpoint(*found, model_only.model(), {});
  CHECK(model_only.w[0] == 50);
  CHECK(model_only.m[0] == -1);
  CHECK(sentences.said.empty());
}

TEST_CASE("a stop is heard while a checkpoint is read, and none is called damaged for it") {
  const ScratchDirectory run;
  Training t;
  t.save(run.path(), 10, 2);
  t.save(run.path(), 20, 2);
  const StopSignals signals;
  std::raise(SIGTERM);
  Sentences sentences;
  const auto stopped = [](const auto& read) {
    try {
      read();
    } catch (const Error& error) {
      return error.code() == ExitCode::stopped;
    }
    return false;
  };
  CHECK(stopped([&] { newest_checkpoint(run.path(), sentences.take()); }));
  CHECK(
      stopped([&] { read_checkpoint(open_checkpoint(run / "checkpoints/step_00000020"), t.model(), t.optimizer()); }));
  CHECK(stopped([&] { read_safetensors(run / "checkpoints/step_00000020/model.safetensors", t.model()); }));
  CHECK(sentences.said.empty());
  // Writing is what a stop waits for.
  t.save(run.path(), 30, 2);
  CHECK(names_in(run / "checkpoints") == std::set<std::string>{"step_00000020", "step_00000030"});
}

TEST_CASE("a stage's final checkpoint is never removed, and can be written again") {
  const ScratchDirectory run;
  Training t(3);
  write_named_checkpoint(run.path(), "stage_3-sft", 3, t.model(), t.optimizer(), Json::object({{"step", 3}}));
  t.save(run.path(), 10, 1);
  t.save(run.path(), 20, 1);
  CHECK(names_in(run / "checkpoints") == std::set<std::string>{"stage_3-sft", "step_00000020"});
  expect_newest_is(run.path(), 20);

  t.set(20);
  write_named_checkpoint(run.path(), "stage_3-sft", 20, t.model(), t.optimizer(), Json::object({{"step", 20}}));
  CHECK(names_in(run / "checkpoints") == std::set<std::string>{"stage_3-sft", "step_00000020"});
  CHECK(newest_checkpoint(run.path(), [](const std::string&) {})->directory.filename() == "stage_3-sft");
  CHECK(open_checkpoint(run / "checkpoints/stage_3-sft").step == 20);

  for (const char* name : {"", "step_1", "a/b", "..", "a.tmp-3"})
    REQUIRE_THROWS_WITH(write_named_checkpoint(run.path(), name, 1, t.model(), t.optimizer(), {}),
                        Contains("cannot name a checkpoint"));
}

TEST_CASE("one that stepped aside counts until its successor is in place") {
  const ScratchDirectory run;
  Training t;
  t.save(run.path(), 10, 1);
  std::filesystem::rename(run / "checkpoints/step_00000010", run / "checkpoints/step_00000010.replaced");
  expect_newest_is(run.path(), 10);
  t.save(run.path(), 10, 1);
  CHECK(names_in(run / "checkpoints") == std::set<std::string>{"step_00000010"});
}

TEST_CASE("a damaged newest checkpoint is reported and the one before is used") {
  const ScratchDirectory run;
  Training t;
  t.save(run.path(), 10, 5);
  t.save(run.path(), 20, 5);
  Sentences sentences;
  SECTION("a flipped bit") {
    flip(run / "checkpoints/step_00000020/model.safetensors", 900, 3);
    newest_checkpoint(run.path(), sentences.take());
    REQUIRE(sentences.said.size() == 1);
    CHECK_THAT(sentences.said[0],
               Contains("step_00000020") && Contains("model.safetensors does not have the checksum"));
    SECTION("and is not taken for the one to keep") {
      t.save(run.path(), 15, 1);
      expect_newest_is(run.path(), 15);
    }
  }
  SECTION("a short file") {
    std::filesystem::resize_file(run / "checkpoints/step_00000020/optimizer.safetensors", 100);
    newest_checkpoint(run.path(), sentences.take());
    REQUIRE(sentences.said.size() == 1);
    CHECK_THAT(sentences.said[0], Contains("optimizer.safetensors has 100 bytes, expected"));
  }
  SECTION("no marker") {
    std::filesystem::remove(run / "checkpoints/step_00000020/COMPLETE");
    newest_checkpoint(run.path(), sentences.take());
    REQUIRE(sentences.said.size() == 1);
    CHECK_THAT(sentences.said[0], Contains("step_00000020") && Contains("never finished"));
  }
  SECTION("a file that is gone") {
    std::filesystem::remove(run / "checkpoints/step_00000020/state.json");
    newest_checkpoint(run.path(), sentences.take());
    REQUIRE(sentences.said.size() == 1);
    CHECK_THAT(sentences.said[0], Contains("it has no file state.json"));
  }
  const auto found = newest_checkpoint(run.path(), [](const std::string&) {});
  REQUIRE(found);
  CHECK(found->step < 20);
}

TEST_CASE("a checkpoint of another model is refused before anything is changed") {
  const ScratchDirectory run;
  Training t;
  const CheckpointInfo info = t.save(run.path(), 10, 1);
  Training larger(-1.0f, 900);
  REQUIRE_THROWS_WITH(read_checkpoint(info, larger.model(), larger.optimizer()),
                      Contains("tensor 'w' has shape [200, 3], expected [300, 3]"));
  CHECK(larger.holds(-1));
  Training same;
  std::vector<TensorRef> renamed = same.optimizer();
  renamed[0].name = "v";
  REQUIRE_THROWS_WITH(read_checkpoint(info, same.model(), renamed), Contains("it has no tensor 'v'"));
  CHECK(same.holds(-1));
}

TEST_CASE("every flipped byte and every truncation is an error and changes nothing") {
  const ScratchDirectory run;
  Training t(-1.0f, 6);
  const CheckpointInfo info = t.save(run.path(), 10, 1);
  int tried = 0;
  for (const std::string& name : names_in(info.directory)) {
    const auto path = info.directory / name;
    const std::string good = read_file(path);
    const auto refuse = [&](const std::string& bad) {
      put(path, bad);
      Training read(-1.0f, 6);
      try {
        read_checkpoint(info, read.model(), read.optimizer());
        FAIL(name << " was accepted");
      } catch (const Error& e) {
        if (e.code() != ExitCode::corrupt || !read.holds(-1)) FAIL(name << ": " << e.what());
      }
      ++tried;
    };
    for (std::size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      refuse(bad);
      refuse(good.substr(0, i));
    }
    put(path, good);
  }
  CHECK(tried > 1000);
  Training read(-1.0f, 6);
  read_checkpoint(info, read.model(), read.optimizer());
  CHECK(read.holds(10));
}

TEST_CASE("every flipped byte of a header that lies about its checksum is an error or harmless") {
  const ScratchDirectory scratch;
  Training t(5.0f, 6);
  write_safetensors(scratch / "m", t.model());
  const std::string good = read_file(scratch / "m");
  const std::size_t header = read_safetensors_header(scratch / "m").data_start;
  int refused = 0;
  for (std::size_t i = 0; i < header; ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      put(scratch / "m", bad);
      Training read(-1.0f, 6);
      try {
        read_safetensors(scratch / "m", read.model());  // a letter of the metadata may change
      } catch (const Error&) {
        ++refused;
        REQUIRE(read.holds(-1));
      }
    }
  }
  CHECK(refused > static_cast<int>(header) * 6);
  for (std::size_t size = 0; size < good.size(); ++size) {
    put(scratch / "m", good.substr(0, size));
    Training read(-1.0f, 6);
    CHECK_THROWS_AS(read_safetensors(scratch / "m", read.model()), Error);
    CHECK(read.holds(-1));
  }
}

TEST_CASE("a disk that fills up leaves the checkpoint before and nothing else") {
  const ScratchDirectory run;
  Training t;
  t.save(run.path(), 10, 1);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1500, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  std::string sentence;
  try {
    t.save(run.path(), 20, 1);
  } catch (const Error& e) {
    sentence = e.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK_THAT(sentence, Contains("cannot write") && Contains("model.safetensors"));
  CHECK(names_in(run / "checkpoints") == std::set<std::string>{"step_00000010"});
  expect_newest_is(run.path(), 10);
}

TEST_CASE("a run directory under a file is a sentence") {
  const ScratchDirectory run;
  replace_file(run / "file", "");
  Training t;
  REQUIRE_THROWS_WITH(t.save(run / "file", 10, 1), Contains("make the directory") && Contains("/file"));
}

TEST_CASE("a link called checkpoints is refused, and nothing behind it is touched") {
  const ScratchDirectory scratch;
  const auto outside = scratch / "outside", run = scratch / "run";
  make_directories(outside / "thesis.tmp-3");
  make_directories(temporary_name(outside / "step_00000001"));
  replace_file(outside / "letter.tmp-draft", "precious");
  const auto before = names_in(outside);
  make_directories(run);
  std::filesystem::create_directory_symlink(outside, run / "checkpoints");
  Training t;
  REQUIRE_THROWS_WITH(t.save(run, 10, 1), Contains("run/checkpoints' is a symbolic link"));
  REQUIRE_THROWS_WITH(newest_checkpoint(run, [](const std::string&) {}), Contains("is a symbolic link"));
  CHECK(names_in(outside) == before);
  CHECK(read_file(outside / "letter.tmp-draft") == "precious");
  // The run directory itself may be a link: that is how a run goes to another disk.
  std::filesystem::create_directory_symlink(outside, scratch / "linked");
  t.save(scratch / "linked", 10, 1);
  expect_newest_is(outside, 10);
}

TEST_CASE("of what lies among the checkpoints, only what bears a name of ours is removed") {
  const ScratchDirectory run;
  Training t;
  t.save(run.path(), 10, 1);
  const auto folder = run / "checkpoints", ours = temporary_name(folder / "step_00000011");
  std::filesystem::create_directory(ours);
  for (const char* name : {"notes.tmp-1", ".tmp-", "step_00000011.tmp-123", "step_1", "other"})
    std::filesystem::create_directory(folder / name);
  std::filesystem::create_directory(run / "outside");
  replace_file(run / "outside" / "a", "precious");
  for (const auto& link : {temporary_name(folder / "a"), folder / "step_00000010.replaced"})
    std::filesystem::create_directory_symlink(run / "outside", link);
  t.save(run.path(), 20, 1);
  const auto names = names_in(folder);
  CHECK(!names.contains(ours.filename()));
  for (const char* name : {"notes.tmp-1", ".tmp-", "step_00000011.tmp-123", "step_1", "other"})
    CHECK(names.contains(name));
  CHECK(read_file(run / "outside" / "a") == "precious");
  expect_newest_is(run.path(), 20);
}

TEST_CASE("kill -9 at a hundred random moments never costs the last whole checkpoint") {
  const ScratchDirectory run;
  Training t;
  const auto start = std::chrono::steady_clock::now();
  t.save(run.path(), 1, 2);
  const auto one_save = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  Random random(11, stream_of("kill"), 0);
  std::int64_t last = 1, killed_inside = 0;
  for (int round = 0; round < 100; ++round) {
    int saved[2];
    REQUIRE(::pipe(saved) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) try {
        Training writer;
        for (std::int64_t step = last + 1;; ++step) {
          writer.save(run.path(), step, 2);
          if (step % 3 == 0)  // written again and again under one name
            write_named_checkpoint(run.path(), "stage_1", step, writer.model(), writer.optimizer(),
                                   Json::object({{"step", step}}));
          if (::write(saved[1], "", 1) != 1) ::_exit(1);
        }
      } catch (...) {
        ::_exit(1);
      }
    ::close(saved[1]);
    // On any machine: every other round the writer has saved at least once, and the kill falls in its next two saves.
    char byte = 0;
    if (round % 2 == 0) REQUIRE(::read(saved[0], &byte, 1) == 1);
    ::usleep(random.below(static_cast<std::uint32_t>(2 * one_save.count()) + 1));
    ::kill(child, SIGKILL);
    ::close(saved[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    for (const std::string& name : names_in(run / "checkpoints"))
      killed_inside += name.find(".tmp-") != std::string::npos;

    std::vector<std::string> said;
    const auto found = newest_checkpoint(run.path(), [&](const std::string& sentence) { said.push_back(sentence); });
    REQUIRE(found.has_value());
    REQUIRE(said.empty());
    REQUIRE(found->step >= last);
    last = found->step;
    expect_newest_is(run.path(), last);
  }
  CHECK(last > 50);
  CHECK(killed_inside > 10);
}
