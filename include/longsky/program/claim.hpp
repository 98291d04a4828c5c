// longsky/program/claim.hpp — before a run writes into its directory: is it alone there, and is what lies there its
// own?
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>
#include <longsky/io/checkpoint.hpp>
#include <longsky/program/build.hpp>
#include <longsky/program/identity.hpp>
#include <longsky/program/paths.hpp>
#include <longsky/program/results.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace longsky {

/// The directories of the stages of every seed. Throws Error(usage) where one, or a part of one that is written to, is
/// a symbolic link: what is old is removed there, and a link may lead to what is not a run's.
[[gnu::cold]] inline std::vector<std::filesystem::path> stage_directories(const RunPaths& paths) {
  namespace fs = std::filesystem;
  std::vector<fs::path> found;
  std::error_code error;
  const auto refuse_link = [&](const fs::path& path) {
    if (!fs::is_symlink(path, error)) return;
    throw Error(ExitCode::usage, "'" + path.string() +
                                     "' is a symbolic link, and inside the directory of a run none is followed to what "
                                     "is written; put the directory itself there, or make the whole --out a link");
  };
  for (const std::uint64_t seed : results::seeds_in(paths)) {
    refuse_link(paths.seed(seed));
    fs::directory_iterator it(paths.seed(seed), error), end;
    for (; !error && it != end; it.increment(error)) {
      const fs::path node = it->path();
      refuse_link(node);
      refuse_link(node / "checkpoints");
      refuse_link(node / "tb");
      if (fs::is_directory(node, error)) found.push_back(node);
    }
    if (error) throw file_error("list", paths.seed(seed), error.value());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// Compares every whole checkpoint of every stage with the run it lies in. Throws Error(usage) for one of another run
/// or another place. Returns a sentence where one was written by another build, and nothing where all are this one's.
[[gnu::cold]] inline std::string check_checkpoints(const RunPaths& paths, const RunIdentity& run) {
  std::string builds;
  for (const std::uint64_t seed : results::seeds_in(paths))
    for (const auto& entry : std::filesystem::directory_iterator(paths.seed(seed))) {
      const std::string stages = entry.path().filename().string();
      for (const CheckpointInfo& info : checkpoint::finished(entry.path(), [](const std::string&) {})) {
        Json state;
        try {
          state = read_checkpoint_state(info);
        } catch (const Error&) {
          continue;  // damaged, which is said where it would be used
        }
        checked_stage_state(state, info);
        require_same(info.directory, state["identity"], StageIdentity{run, seed, stages});
        const auto build = state["build"].get_or(std::string());
        if (builds.empty() && build != build_text())
          builds = "the checkpoint " + info.directory.string() + " was written by another build (" + build +
                   "; this is " + build_text() +
                   "): the run goes on, but from there its last bits may not be those of a run in one build";
      }
    }
  return builds;
}

}  // namespace longsky
