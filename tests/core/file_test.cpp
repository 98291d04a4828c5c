// tests/core/file_test.cpp — files are replaced whole or not at all, and failures are sentences.
#include "support/catch.hpp"

#include <longsky/core/file.hpp>

#include "support/scratch_directory.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <csignal>
#include <cstring>
#include <set>
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
  CHECK_THAT(file_error("write", "a", ENOSPC).what(), Contains("free space on that disk"));
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

TEST_CASE("a pipe, a socket or a device in place of a file is refused at once, not waited for") {
  const ScratchDirectory scratch;
  REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (scratch / "socket").c_str(), sizeof address.sun_path - 1);
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  REQUIRE(::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  std::filesystem::create_symlink("/dev/zero", scratch / "device");
  for (const auto& [name, kind] : {std::pair("pipe", "a named pipe"), {"socket", "a socket"}, {"device", "a device"}}) {
    const std::string words = std::string("it is ") + kind + " where a file was expected";
    REQUIRE_THROWS_WITH(read_file(scratch / name), Contains(name) && Contains(words));
    REQUIRE_THROWS_WITH(FileReader(scratch / name), Contains(name) && Contains(words));
    REQUIRE_THROWS_WITH(FileWriter(scratch / name, O_APPEND), Contains(words) || Contains("no link is followed"));
  }
}

TEST_CASE("a file of /proc, which says that it is empty, is read to its end, and a file above the limit is not read") {
  CHECK_THAT(read_file("/proc/self/status"), Contains("VmRSS") && Contains("nonvoluntary_ctxt_switches"));
  const ScratchDirectory scratch;
  replace_file(scratch / "a", std::string(1001, 'x'));
  CHECK(read_file(scratch / "a", 1001).size() == 1001);
  REQUIRE_THROWS_WITH(read_file(scratch / "a", 1000), Contains("more than the 1000 bytes"));
  std::filesystem::resize_file(scratch / "a", std::uintmax_t{1} << 40);  // a hole: it takes no space
  REQUIRE_THROWS_WITH(read_file(scratch / "a"), Contains("more than the"));
}

TEST_CASE("what is written never goes through a link, and temporary names cannot be foretold") {
  const ScratchDirectory scratch;
  replace_file(scratch / "outside", "precious");
  std::filesystem::create_symlink(scratch / "outside", scratch / "link");
  REQUIRE_THROWS_WITH(FileWriter(scratch / "link"), Contains("link'"));
  REQUIRE_THROWS_WITH(FileWriter(scratch / "link", O_APPEND), Contains("no link is followed"));
  REQUIRE_THROWS_WITH(FileWriter(scratch / "outside"), Contains("File exists"));
  replace_file(scratch / "link", "new");
  CHECK(read_file(scratch / "outside") == "precious");
  CHECK(!std::filesystem::is_symlink(scratch / "link"));
  std::set<std::string> names;
  for (int i = 0; i < 100; ++i) {
    const auto name = temporary_name(scratch / "a");
    CHECK(is_temporary_name(name));
    names.insert(name.filename());
  }
  CHECK(names.size() == 100);
}

TEST_CASE("of temporary files only our own are removed, and none through a link") {
  const ScratchDirectory scratch;
  const auto ours = temporary_name(scratch / "run.json");
  replace_file(ours, "left by a kill");
  const std::string digits = ours.filename().string().substr(std::strlen("run.json"));
  const std::string others[] = {".tmp-12", "thesis.tmp-1234",  "thesis.tmp-0123456789abcdeF",
                                digits,    "a" + digits + "0", "a" + digits + ".txt"};
  for (const std::string& name : others) replace_file(scratch / name, "somebody's");
  std::filesystem::create_directory(scratch / ("directory" + digits));
  std::filesystem::create_symlink(scratch / "thesis.tmp-1234", scratch / ("link" + digits));
  std::filesystem::create_directory_symlink(scratch.path(), scratch / "elsewhere");
  remove_stale_temporaries(scratch / "elsewhere");
  CHECK(std::filesystem::exists(ours));
  remove_stale_temporaries(scratch.path());
  CHECK(!std::filesystem::exists(ours));
  for (const std::string& name : others) CHECK(read_file(scratch / name) == "somebody's");
  CHECK(std::filesystem::exists(scratch / ("directory" + digits)));
  CHECK(std::filesystem::is_symlink(scratch / ("link" + digits)));
}

TEST_CASE("a name that is taken, a name that is free and a name nobody can ask for are three things") {
  const ScratchDirectory scratch;
  std::filesystem::create_symlink("nowhere", scratch / "dangling");
  std::filesystem::create_symlink("itself", scratch / "itself");
  CHECK(name_is_taken(scratch / "dangling"));
  CHECK(name_is_taken(scratch / "itself"));
  CHECK(!name_is_taken(scratch / "free"));
  CHECK(!name_is_taken(scratch / "free/a"));
  REQUIRE_THROWS_WITH(name_is_taken(scratch / "itself/a"), Contains("examine") && Contains("links"));
}
