// tests/io/directory_lock_test.cpp — the second process is told who the first is; a dead one stands in nobody's way.
#include "support/catch.hpp"

#include <longsky/io/directory_lock.hpp>

#include "support/scratch_directory.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

/// A process that holds the lock of a directory until it is killed.
class Holder {
 public:
  explicit Holder(const std::filesystem::path& directory) {
    int ready[2];
    if (::pipe(ready) != 0) throw std::runtime_error("no pipe");
    child_ = ::fork();
    if (child_ == 0) {
      try {
        const DirectoryLock lock(directory);
        if (::write(ready[1], "", 1) == 1) ::pause();
      } catch (...) {
      }
      ::_exit(1);
    }
    char byte;
    ::close(ready[1]);
    holds_ = ::read(ready[0], &byte, 1) == 1;
    ::close(ready[0]);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() { kill(); }
  void kill() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = -1;
  }
  pid_t child() const { return child_; }
  bool holds() const { return holds_; }

 private:
  pid_t child_ = -1;
  bool holds_ = false;
};

}  // namespace

TEST_CASE("a directory has one holder, whose process and host the others are told") {
  const ScratchDirectory scratch;
  Holder holder(scratch.path());
  REQUIRE(holder.holds());
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  REQUIRE_THROWS_WITH(DirectoryLock(scratch.path()),
                      Contains("is in use by process " + std::to_string(holder.child()) + " on " + host + " since 2") &&
                          Contains("another directory"));
  // The same process, too, holds it once.
  holder.kill();
  const DirectoryLock first(scratch.path());
  CHECK(first.held());
  CHECK_THROWS_AS(DirectoryLock(scratch.path()), Error);
}

TEST_CASE("what a killed process locked is free, and the next holder's name is in the file") {
  const ScratchDirectory scratch;
  for (int round = 0; round < 3; ++round) {
    Holder holder(scratch.path());
    REQUIRE(holder.holds());
    const std::string name = "process " + std::to_string(holder.child()) + " ";
    CHECK_THAT(read_file(scratch / "lock"), Contains(name));
    holder.kill();
    CHECK_THAT(read_file(scratch / "lock"), Contains(name));
  }
  { CHECK(DirectoryLock(scratch.path()).held()); }
  CHECK(DirectoryLock(scratch.path()).held());
}

TEST_CASE("a lock whose file was removed is taken anew, and rubbish in it is not printed") {
  const ScratchDirectory scratch;
  const DirectoryLock first(scratch.path());
  std::filesystem::remove(scratch / "lock");
  const DirectoryLock second(scratch.path());
  CHECK(second.held());
  FileWriter(scratch / "lock", O_APPEND).write("\x1b[2J");
  std::filesystem::resize_file(scratch / "lock", 0);
  FileWriter(scratch / "lock", O_APPEND).write("process \x1b[2J 7\n");
  REQUIRE_THROWS_WITH(DirectoryLock(scratch.path()), Contains("in use by process ?[2J 7;"));
  std::filesystem::resize_file(scratch / "lock", 0);
  REQUIRE_THROWS_WITH(DirectoryLock(scratch.path()), Contains("in use by another process;"));
}

TEST_CASE("a link or a pipe in place of the lock is refused") {
  const ScratchDirectory scratch;
  std::filesystem::create_symlink(scratch / "outside", scratch / "lock");
  REQUIRE_THROWS_WITH(DirectoryLock(scratch.path()), Contains("no link is followed"));
  CHECK(!std::filesystem::exists(scratch / "outside"));
  std::filesystem::remove(scratch / "lock");
  REQUIRE(::mkfifo((scratch / "lock").c_str(), 0600) == 0);
  REQUIRE_THROWS_WITH(DirectoryLock(scratch.path()), Contains("a named pipe where a file was expected"));
}
