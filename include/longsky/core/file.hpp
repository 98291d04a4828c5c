// longsky/core/file.hpp — whole files read, and files replaced so that a kill at any moment leaves the old or the new
// one.
//
// The order that makes it so: temporary name in the same directory, write, fsync, rename, fsync of the directory.
// Only regular files are read and written (a pipe would wait for ever), and what is written is never reached through a
// link: a temporary file has a name nobody can foretell and is made, not opened.
#pragma once

#include <longsky/core/error.hpp>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace longsky {

/// The sentence for a failed system call: what was tried, on which file, why it failed, what to do.
[[gnu::cold]] inline Error file_error(std::string_view action, const std::filesystem::path& path, int reason) {
  const auto remedy = [reason]() -> std::string_view {
    switch (reason) {
      case ENOSPC:
      case EDQUOT:
        return "free space on that disk, or choose another directory";
      case EFBIG:
        return "raise the file size limit (ulimit -f), or choose another file system";
      case EROFS:
        return "choose a directory that can be written";
      case EACCES:
      case EPERM:
        return "check the permissions, or choose another path";
      case ENOENT:
        return "check the path";
      case ENOTDIR:
        return "a part of the path is a file where a directory was expected";
      case EISDIR:
        return "it is a directory where a file was expected";
      case ELOOP:
        return "no link is followed there, and none may lead to itself: put the file itself in its place";
      case EMFILE:
      case ENFILE:
        return "raise the limit of open files (ulimit -n)";
      default:
        return "check the disk and try again";
    }
  };
  return {ExitCode::failure, "cannot " + std::string(action) + " '" + path.string() + "': " + std::strerror(reason) +
                                 "; " + std::string(remedy())};
}

/// What a name stands for, as `st_mode` says it.
[[gnu::cold]] inline std::string_view kind_of_file(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "a file";
    case S_IFDIR:
      return "a directory";
    case S_IFLNK:
      return "a symbolic link";
    case S_IFIFO:
      return "a named pipe";
    case S_IFSOCK:
      return "a socket";
    default:
      return "a device";
  }
}

/// The sentence for what is there but is no regular file.
[[gnu::cold]] inline Error kind_error(std::string_view action, const std::filesystem::path& path, mode_t mode) {
  return {ExitCode::failure, "cannot " + std::string(action) + " '" + path.string() + "': it is " +
                                 std::string(kind_of_file(mode)) + " where a file was expected; check the path"};
}

/// True where the name is taken, by whatever: a link that leads nowhere is there too. Throws Error where that cannot be
/// found out, which is not the same as "no".
inline bool name_is_taken(const std::filesystem::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  throw file_error("examine", path, errno);
}

/// True for a directory itself, not for a link to one.
inline bool is_real_directory(const std::filesystem::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// An open file descriptor with one owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_ = -1;
};

/// A regular file, opened without waiting for anybody and without becoming anybody's terminal.
[[gnu::cold]] inline Descriptor open_regular(std::string_view action, const std::filesystem::path& path, int flags,
                                             struct stat* status) {
  Descriptor file(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666));
  if (file.number() < 0) {
    const int reason = errno;
    // A pipe without a reader, a socket and an absent device refuse to be opened at all.
    if (::stat(path.c_str(), status) == 0 && !S_ISREG(status->st_mode) && !S_ISDIR(status->st_mode))
      throw kind_error(action, path, status->st_mode);
    throw file_error(action, path, reason);
  }
  if (::fstat(file.number(), status) != 0) throw file_error("examine", path, errno);
  if (!S_ISREG(status->st_mode)) throw kind_error(action, path, status->st_mode);
  return file;
}

/// A file that is made (`O_EXCL`) or written to at its end (`O_APPEND`); what is there is never cut, and no link is
/// followed. Every failure names the file and how many bytes were written before.
class FileWriter {
 public:
  explicit FileWriter(std::filesystem::path path, int how = O_EXCL) : path_(std::move(path)) {
    struct stat status {};
    file_ = open_regular("open for writing", path_, O_WRONLY | O_CREAT | O_NOFOLLOW | how, &status);
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      // Linux moves at most 2 GiB a call; smaller pieces also let a signal handler run in between.
      const ssize_t n =
          ::write(file_.number(), bytes.data(), std::min<std::size_t>(bytes.size(), std::size_t{1} << 26));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0)
        throw file_error(
            "write " + std::to_string(bytes.size()) + " more bytes after the first " + std::to_string(written_) + " of",
            path_, errno);
      written_ += static_cast<std::uint64_t>(n);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

  /// Returns when the bytes are on the disk.
  void sync() {
    if (::fsync(file_.number()) != 0) throw file_error("flush to disk", path_, errno);
  }

  std::uint64_t written() const { return written_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  Descriptor file_;
  std::uint64_t written_ = 0;
};

/// A regular file opened for reading at any offset; its size is taken when it is opened. Throws Error for what is none.
class FileReader {
 public:
  explicit FileReader(std::filesystem::path path) : path_(std::move(path)) {
    struct stat status {};
    file_ = open_regular("open for reading", path_, O_RDONLY, &status);
    size_ = static_cast<std::uint64_t>(status.st_size);
  }

  /// Reads what there is at `offset`, at most as much as `out` holds; returns how much that was, 0 at the end.
  std::size_t read_some(std::uint64_t offset, std::span<std::byte> out) const {
    for (;;) {
      const ssize_t n = ::pread(file_.number(), out.data(), std::min<std::size_t>(out.size(), std::size_t{1} << 26),
                                static_cast<off_t>(offset));
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) throw file_error("read", path_, errno);
    }
  }

  /// Fills `out` from `offset`. A file that ends earlier is an error.
  void read(std::uint64_t offset, std::span<std::byte> out) const {
    while (!out.empty()) {
      const std::size_t n = read_some(offset, out);
      if (n == 0)
        throw Error(ExitCode::corrupt, "'" + path_.string() + "' ends at byte " + std::to_string(offset) + ", " +
                                           std::to_string(out.size()) +
                                           " bytes too early; copy it again or use an earlier one");
      offset += n;
      out = out.subspan(n);
    }
  }

  std::uint64_t size() const { return size_; }  ///< bytes; 0 for the files of /proc, whatever they hold
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  Descriptor file_;
  std::uint64_t size_ = 0;
};

/// The bytes of a regular file, to its end. One of more than `most` bytes is an error, and is not read.
[[gnu::cold]] inline std::string read_file(const std::filesystem::path& path,
                                           std::uint64_t most = std::uint64_t{1} << 32) {
  const FileReader file(path);
  const auto refuse_above = [&](std::uint64_t size) {
    if (size > most)
      throw Error(ExitCode::corrupt, "'" + path.string() + "' holds more than the " + std::to_string(most) +
                                         " bytes that are read of such a file; check the path");
  };
  refuse_above(file.size());
  std::string contents(file.size(), '\0');
  file.read(0, std::as_writable_bytes(std::span(contents.data(), contents.size())));
  if (!contents.empty()) return contents;
  for (std::size_t n = 1; n > 0;) {  // a file of /proc
    const std::size_t size = contents.size();
    contents.resize(size + (1 << 16));
    n = file.read_some(size, std::as_writable_bytes(std::span(contents)).subspan(size));
    contents.resize(size + n);
    refuse_above(contents.size());
  }
  return contents;
}

/// Returns when the names in a directory are on the disk.
inline void sync_directory(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory.empty() ? "." : directory;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.number() < 0) throw file_error("open the directory", path, errno);
  // Some network file systems cannot sync a directory and say so with EINVAL; there is nothing more to do there.
  if (::fsync(file.number()) != 0 && errno != EINVAL) throw file_error("flush to disk the directory", path, errno);
}

/// Makes a directory and its parents, durably. One that is there already is left alone.
inline void make_directories(const std::filesystem::path& directory) {
  std::error_code error;
  if (directory.empty() || std::filesystem::is_directory(directory, error)) return;
  make_directories(directory.parent_path());
  if (::mkdir(directory.c_str(), 0777) != 0 && errno != EEXIST)
    throw file_error("make the directory", directory, errno);
  if (!std::filesystem::is_directory(directory, error)) throw file_error("make the directory", directory, ENOTDIR);
  sync_directory(directory.parent_path());
}

/// Renames within one file system and returns when the new name is on the disk.
inline void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    throw file_error("rename to '" + to.string() + "' the file", from, errno);
  sync_directory(to.parent_path());
}

/// A name beside `path` that no finished file has and nobody can foretell: the name, ".tmp-", 16 hexadecimal digits.
[[gnu::cold]] inline std::filesystem::path temporary_name(const std::filesystem::path& path) {
  std::uint64_t random = 0;
  while (::getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random))
    if (errno != EINTR) throw file_error("find a temporary name for", path, errno);
  std::string name = path.string() + ".tmp-";
  for (int shift = 60; shift >= 0; shift -= 4) name += "0123456789abcdef"[random >> shift & 15];
  return name;
}

/// True for the last part of a name that temporary_name() makes, and nothing else.
[[gnu::cold]] inline bool is_temporary_name(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  constexpr std::size_t tail = 5 + 16;  // ".tmp-" and the digits
  return name.size() > tail && name.compare(name.size() - tail, 5, ".tmp-") == 0 &&
         name.find_first_not_of("0123456789abcdef", name.size() - 16) == std::string::npos;
}

/// Removes the temporary files that killed processes left in a directory; whoever calls knows that no other writes
/// there. Only regular files under names of ours go; what cannot be removed stays.
[[gnu::cold]] inline void remove_stale_temporaries(const std::filesystem::path& directory) {
  if (!is_real_directory(directory)) return;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    struct stat status {};
    if (is_temporary_name(it->path()) && ::lstat(it->path().c_str(), &status) == 0 && S_ISREG(status.st_mode))
      ::unlink(it->path().c_str());
  }
}

/// A file on its way: written beside `path` under a temporary name, in its place when commit() has returned. Until then
/// readers and kills see the old file; without commit() nothing is left.
class FileReplacement {
 public:
  explicit FileReplacement(std::filesystem::path path)
      : path_(std::move(path)), temporary_(temporary_name(path_)), file_(temporary_) {}
  FileReplacement(const FileReplacement&) = delete;
  FileReplacement& operator=(const FileReplacement&) = delete;
  ~FileReplacement() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  void write(std::span<const std::byte> bytes) { file_.write(bytes); }
  void write(std::string_view text) { file_.write(text); }
  std::uint64_t written() const { return file_.written(); }

  /// Returns when the file is on the disk under its name. Throws Error; the old file then remains.
  void commit() {
    file_.sync();
    if (::rename(temporary_.c_str(), path_.c_str()) != 0)
      throw file_error("rename to '" + path_.string() + "' the file", temporary_, errno);
    temporary_.clear();
    sync_directory(path_.parent_path());
  }

 private:
  std::filesystem::path path_, temporary_;
  FileWriter file_;
};

/// Makes `contents` the whole of the file, at once: readers and kills see the old file or the new one.
/// Throws Error; the old file and no other then remains.
[[gnu::cold]] inline void replace_file(const std::filesystem::path& path, std::string_view contents) {
  FileReplacement file(path);
  file.write(contents);
  file.commit();
}

}  // namespace longsky
