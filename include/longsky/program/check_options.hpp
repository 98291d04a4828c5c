// longsky/program/check_options.hpp — what can be known to be wrong before any work is done.
//
// A limit that stands in the way at the end of a run of days is said at its start.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/file.hpp>
#include <longsky/core/number_text.hpp>
#include <longsky/program/options.hpp>

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>

namespace longsky {

/// Throws Error(usage) unless `low` <= `value` <= `high`.
template <class Number>
[[gnu::cold]] void require_range(const char* flag, Number value, Number low, Number high) {
  if (low <= value && value <= high) return;
  throw Error(ExitCode::usage, std::string(flag) + " was given " + shortest_text(value) + ", expected " +
                                   (low > 0 ? "a positive number" : "a number that is not negative") +
                                   (high < std::numeric_limits<Number>::max() ? " up to " + shortest_text(high) : ""));
}

/// Throws Error(usage) for numbers that a run cannot be done or written down with.
[[gnu::cold]] inline void check_options(const RunOptions& options) {
  constexpr int largest = std::numeric_limits<int>::max();
  require_range("--seeds", options.seeds, 1, 1'000'000);
  require_range("--samples", options.samples, 1, 1'000'000);
  require_range("--keep", options.keep, 1, largest);
  require_range("--checkpoint-every", options.checkpoint_every, 0, largest);
  require_range("--checkpoint-minutes", options.checkpoint_minutes, 0.0, std::numeric_limits<double>::max());
  // Summaries hold seeds, and JSON's readers agree on 63 bits.
  const auto last = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() - (options.seeds - 1));
  if (options.seed > last)
    throw Error(ExitCode::usage, "--seed was given " + shortest_text(options.seed) + ", expected at most " +
                                     shortest_text(last) +
                                     (options.seeds > 1 ? " with " + shortest_text(options.seeds) + " seeds" : ""));
  if (options.out.empty()) throw Error(ExitCode::usage, "--out needs the name of a directory");
}

/// Throws Error(usage) where the names of files in `directory` would be longer than the system takes.
[[gnu::cold]] inline void require_room_for_names(const std::filesystem::path& directory) {
  constexpr std::size_t longest_name = 255, longest_path = 4095, of_a_file = 160;  // such as TensorBoard's, with a host
  const std::filesystem::path path = std::filesystem::absolute(directory);
  for (const std::filesystem::path& name : path)
    if (name.native().size() > longest_name)
      throw Error(ExitCode::usage, "the name " + name.string() + " has " + std::to_string(name.native().size()) +
                                       " bytes, a file system takes " + std::to_string(longest_name) +
                                       "; use shorter names of stages, or another --out");
  if (path.native().size() + of_a_file > longest_path)
    throw Error(ExitCode::usage, "the path " + path.string() +
                                     " leaves no room for the names of files: a path may have " +
                                     std::to_string(longest_path) + " bytes; use a shorter --out");
}

/// Throws Error where no file can be made in `directory`, or it cannot be made itself. Makes nothing.
[[gnu::cold]] inline void require_writable(const std::filesystem::path& directory) {
  std::filesystem::path there = std::filesystem::absolute(directory);
  bool made = true;
  while (::access(there.c_str(), F_OK) != 0) {
    if (errno != ENOENT || there == there.parent_path()) throw file_error("make the directory", directory, errno);
    there = there.parent_path();
    made = false;
  }
  std::error_code error;
  if (!std::filesystem::is_directory(there, error)) throw file_error("make the directory", directory, ENOTDIR);
  if (::access(there.c_str(), W_OK | X_OK) != 0)
    throw file_error(made ? "write files in the directory" : "make the directory", directory, errno);
}

}  // namespace longsky
