// longsky/io/directory_lock.hpp — one process at a time writes into a directory.
//
// The lock is the kernel's (flock on a file `lock` in the directory), so it ends with the process that holds it,
// however that ends; the file stays and says who held it last. It is never removed: a lock on a file that another
// process has removed locks nothing.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/file.hpp>

#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <ctime>
#include <filesystem>
#include <string>
#include <utility>

namespace longsky {

/// Held while it lives.
class DirectoryLock {
 public:
  DirectoryLock() = default;

  /// Takes the lock of a directory that is there. Throws Error(failure) with the holder's process, host and start where
  /// another process has it. A file system without locks is no reason to stop: held() then says no.
  [[gnu::cold]] explicit DirectoryLock(const std::filesystem::path& directory) {
    const std::filesystem::path path = directory / "lock";
    for (;;) {
      struct stat opened {
      }, there{};
      file_ = open_regular("open for writing", path, O_RDWR | O_CREAT | O_NOFOLLOW, &opened);
      int result;
      while ((result = ::flock(file_.number(), LOCK_EX | LOCK_NB)) != 0 && errno == EINTR) {
      }
      if (result != 0) {
        if (errno == EWOULDBLOCK) throw taken(directory);
        if (errno != ENOLCK && errno != ENOSYS && errno != EOPNOTSUPP) throw file_error("lock", path, errno);
        return;
      }
      // Somebody may have removed the directory's contents between the two calls.
      if (::lstat(path.c_str(), &there) == 0 && there.st_ino == opened.st_ino && there.st_dev == opened.st_dev) break;
    }
    held_ = true;
    const std::string mine = holder();
    if (::ftruncate(file_.number(), 0) != 0 ||
        ::pwrite(file_.number(), mine.data(), mine.size(), 0) != static_cast<ssize_t>(mine.size())) {
      // The lock is what counts; who holds it is a courtesy, and the disk may be full.
    }
  }

  /// False where the file system has no locks (some network file systems), and where none was asked for.
  bool held() const { return held_; }

 private:
  /// "process 123 on host since 2025-01-31T12:00:00Z"
  [[gnu::cold]] static std::string holder() {
    char host[256] = "an unnamed host", day[32] = "";
    ::gethostname(host, sizeof host - 1);
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return "process " + std::to_string(::getpid()) + " on " + host + " since " + day + "\n";
  }

  [[gnu::cold]] Error taken(const std::filesystem::path& directory) const {
    char text[512];
    const ssize_t n = ::pread(file_.number(), text, sizeof text, 0);
    std::string who(text, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    who.resize(std::min(who.find('\n'), who.size()));
    // Whatever stands there goes to a terminal.
    std::replace_if(
        who.begin(), who.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    if (who.rfind("process ", 0) != 0) who = "another process";
    return {ExitCode::failure, "the directory '" + directory.string() + "' is in use by " + who +
                                   "; wait for it, stop it, or choose another directory"};
  }

  Descriptor file_;
  bool held_ = false;
};

}  // namespace longsky
