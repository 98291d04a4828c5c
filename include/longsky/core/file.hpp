// longsky/core/file.hpp — whole files read, and files replaced so that a kill at any moment leaves the old or the new
// one.
//
// The order that makes it so: temporary name in the same directory, write, fsync, rename, fsync of the directory.
#pragma once

#include <longsky/core/error.hpp>

#include <fcntl.h>
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

/// A file opened for writing from its start. Every failure names the file and how many bytes it already held.
class FileWriter {
 public:
  explicit FileWriter(std::filesystem::path path, int flags = O_CREAT | O_TRUNC) : path_(std::move(path)) {
    file_ = Descriptor(::open(path_.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666));
    if (file_.number() < 0) throw file_error("open for writing", path_, errno);
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

/// A file opened for reading at any offset; its size is taken when it is opened.
class FileReader {
 public:
  explicit FileReader(std::filesystem::path path) : path_(std::move(path)) {
    file_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (file_.number() < 0) throw file_error("open for reading", path_, errno);
    struct stat status {};
    if (::fstat(file_.number(), &status) != 0) throw file_error("examine", path_, errno);
    if (S_ISDIR(status.st_mode)) throw file_error("read", path_, EISDIR);
    size_ = static_cast<std::uint64_t>(status.st_size);
  }

  /// Fills `out` from `offset`. A file that ends earlier is an error.
  void read(std::uint64_t offset, std::span<std::byte> out) const {
    while (!out.empty()) {
      const ssize_t n = ::pread(file_.number(), out.data(), std::min<std::size_t>(out.size(), std::size_t{1} << 26),
                                static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw file_error("read", path_, errno);
      if (n == 0)
        throw Error(ExitCode::corrupt, "'" + path_.string() + "' ends at byte " + std::to_string(offset) + ", " +
                                           std::to_string(out.size()) +
                                           " bytes too early; copy it again or use an earlier one");
      offset += static_cast<std::uint64_t>(n);
      out = out.subspan(static_cast<std::size_t>(n));
    }
  }

  std::uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  Descriptor file_;
  std::uint64_t size_ = 0;
};

/// The bytes of a file.
inline std::string read_file(const std::filesystem::path& path) {
  const FileReader file(path);
  std::string contents(file.size(), '\0');
  file.read(0, std::as_writable_bytes(std::span(contents.data(), contents.size())));
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

/// A name beside `path` that no finished file has; what is left under such a name by a kill may be removed.
inline std::filesystem::path temporary_name(const std::filesystem::path& path) {
  return path.string() + ".tmp-" + std::to_string(::getpid());
}

/// Makes `contents` the whole of the file, at once: readers and kills see the old file or the new one.
/// Throws Error; the old file and no other then remains.
inline void replace_file(const std::filesystem::path& path, std::string_view contents) {
  const std::filesystem::path temporary = temporary_name(path);
  try {
    FileWriter file(temporary);
    file.write(contents);
    file.sync();
    rename_durably(temporary, path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

}  // namespace longsky
