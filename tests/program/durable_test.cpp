// program/durable_test.cpp — what a power loss would find: no name is given to bytes that are not on the disk, and what
// a checkpoint counts is there before it.
#include "program/tiny_run.hpp"
#include "support/catch.hpp"

#include <set>
#include <sstream>
#include <string>

using namespace longsky;
using namespace longsky::test;

#ifdef LONGSKY_DURABLE_LOG_LIBRARY  // not under a sanitizer, which must be loaded first itself
TEST_CASE("every file is flushed before it gets its name, its directory after, and metrics before their checkpoint") {
  const ScratchDirectory out, aside;
  const std::string log = (aside / "log").string();
  Start start;
  start.environment = {{"LD_PRELOAD", LONGSKY_DURABLE_LOG_LIBRARY}, {"LONGSKY_DURABLE_LOG", log}};
  const Ended ended = run(train(out.path()) + Arguments{"--checkpoint-every", "2"}, start);
  INFO(ended.said);
  REQUIRE(ended.code == 0);

  std::set<std::string> dirty;    // files whose last bytes have not been flushed
  std::set<std::string> renamed;  // directories in which a name has changed since they were flushed
  int renames = 0, checkpoints = 0, metrics = 0;
  std::istringstream lines(read_file(log));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string what, path, to;
    std::getline(words, what, '\t');
    std::getline(words, path, '\t');
    std::getline(words, to);
    if (path.rfind(out.path().string(), 0) != 0) continue;
    if (what == "write") {
      dirty.insert(path);
      metrics += path.ends_with("metrics.jsonl");
    } else if (what == "fsync") {
      dirty.erase(path);
      renamed.erase(path);
    } else {
      INFO(line);
      ++renames;
      for (const std::string& file : dirty) {
        INFO(file);
        CHECK_FALSE((file == path || file.rfind(path + "/", 0) == 0));
      }
      renamed.insert(fs::path(to).parent_path().string());
      const fs::path folder = fs::path(to).parent_path();
      if (folder.filename() != "checkpoints" || fs::path(to).filename().string().find(".tmp-") != std::string::npos)
        continue;
      ++checkpoints;
      for (const std::string& file : dirty) {
        INFO(file);
        CHECK(file.rfind((folder.parent_path() / "").string(), 0) != 0);  // metrics, TensorBoard
      }
    }
  }
  CHECK(renames > 20);
  CHECK(checkpoints >= 3 + 3);
  CHECK(metrics >= 13);
  CHECK(renamed.empty());
  dirty.erase((out / "lock").string());  // who holds the lock is a courtesy
  CHECK(dirty.empty());
}
#endif
