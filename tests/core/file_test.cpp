// tests/core/file_test.cpp — files are replaced whole or not at all, and failures are sentences.
#include "support/catch.hpp"

#include <longsky/core/file.hpp>

#include "support/scratch_directory.hpp"

#include <sys/resource.h>

#include <csignal>
#include <string>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

int files_in(const std::filesystem::path& directory) {
  int n = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory)) ++n;
  return n;
}

/// While it lives no file grows beyond `bytes`: what a full disk does, without one.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

}  // namespace

TEST_CASE("a file is read as it was written") {
  const ScratchDirectory scratch;
  const std::string text = std::string("zero \0 inside", 13) + std::string(100'000, 'x');
  replace_file(scratch / "a", text);
  CHECK(read_file(scratch / "a") == text);
  replace_file(scratch / "a", "shorter");
  CHECK(read_file(scratch / "a") == "shorter");
  CHECK(files_in(scratch.path()) == 1);
}

TEST_CASE("a file that cannot be read is named") {
  const ScratchDirectory scratch;
  REQUIRE_THROWS_WITH(read_file(scratch / "none"), Contains("open for reading") && Contains("none'") &&
                                                       Contains("No such file") && Contains("check the path"));
  REQUIRE_THROWS_WITH(read_file(scratch.path()), Contains("a directory where a file was expected"));
}

TEST_CASE("a full disk leaves the old file and no other") {
  const ScratchDirectory scratch;
  replace_file(scratch / "a", "old");
  {
    const FileSizeLimit limit(1000);
    REQUIRE_THROWS_WITH(replace_file(scratch / "a", std::string(5000, 'x')),
                        Contains("write 4000 more bytes after the first 1000") && Contains("ulimit"));
  }
  CHECK(read_file(scratch / "a") == "old");
  CHECK(files_in(scratch.path()) == 1);
  FileWriter full("/dev/full", 0);
  REQUIRE_THROWS_WITH(full.write("x"), Contains("/dev/full") && Contains("free space on that disk"));
}

TEST_CASE("directories are made with their parents, but not under a file") {
  const ScratchDirectory scratch;
  make_directories(scratch / "a/b/c");
  make_directories(scratch / "a/b/c");
  CHECK(std::filesystem::is_directory(scratch / "a/b/c"));
  replace_file(scratch / "file", "");
  REQUIRE_THROWS_WITH(make_directories(scratch / "file/run"),
                      Contains("make the directory") && Contains("is a file where a directory was expected"));
  REQUIRE_THROWS_WITH(replace_file(scratch / "file/a", "x"), Contains("file/a") && Contains("Not a directory"));
}

TEST_CASE("a directory that cannot be written is a sentence") {
  const ScratchDirectory scratch;
  std::filesystem::permissions(scratch.path(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  if (geteuid() == 0) {
    WARN("skipped: this user may write into any directory");
  } else {
    REQUIRE_THROWS_WITH(replace_file(scratch / "a", "x"), Contains("check the permissions"));
  }
  std::filesystem::permissions(scratch.path(), std::filesystem::perms::owner_all);
}
