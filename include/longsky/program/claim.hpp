// longsky/program/claim.hpp — before a run writes into its directory: is it alone there, and is what lies there its
// own?
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>
#include <longsky/io/checkpoint.hpp>
#include <longsky/program/build.hpp>
#include <longsky/program/chain.hpp>
#include <longsky/program/identity.hpp>
#include <longsky/program/paths.hpp>
#include <longsky/program/results.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace longsky {

/// A directory of a stage that is there, and what its checkpoints must be.
struct StageDirectory {
  std::filesystem::path path;
  StageIdentity identity;
};

/// Those of the stages of `chains`, of every seed that has any; whatever else lies beside them is nobody's business.
/// Throws Error(usage) where one, or a part of one that is written to, is a symbolic link: what is old is removed
/// there, and a link may lead to what is not a run's.
[[gnu::cold]] inline std::vector<StageDirectory> stage_directories(const RunPaths& paths,
                                                                   const std::vector<Chain>& chains,
                                                                   const RunIdentity& run) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto refuse_link = [&](const fs::path& path) {
    if (!fs::is_symlink(path, error)) return;
    throw Error(ExitCode::usage, "'" + path.string() +
                                     "' is a symbolic link, and inside the directory of a run none is followed to what "
                                     "is written; put the directory itself there, or make the whole --out a link");
  };
  std::vector<StageDirectory> found;
  std::set<fs::path> seen;
  for (const std::uint64_t seed : results::seeds_in(paths)) {
    refuse_link(paths.seed(seed));
    for (const Chain& chain : chains)
      for (std::size_t links = 1; links <= chain.links.size(); ++links) {
        const fs::path path = paths.node(seed, chain, links);
        if (!name_is_taken(path) || !seen.insert(path).second) continue;
        for (const fs::path& part : {path, path / "checkpoints", path / "tb"}) refuse_link(part);
        found.push_back({path, {run, seed, chain.directory(links)}});
      }
  }
  return found;
}

/// Compares every whole checkpoint of these stages with what it must be. Throws Error(usage) for one of another run or
/// another place. Returns a sentence where one was written by another build, and nothing where all are this one's.
[[gnu::cold]] inline std::string check_checkpoints(const std::vector<StageDirectory>& stages) {
  std::string builds;
  for (const StageDirectory& stage : stages)
    for (const CheckpointInfo& info : checkpoint::finished(stage.path, [](const std::string&) {})) {
      Json state;
      try {
        state = read_checkpoint_state(info);
      } catch (const Error&) {
        continue;  // damaged, which is said where it would be used
      }
      checked_stage_state(state, info);
      require_same(info.directory, state["identity"], stage.identity);
      const auto build = state["build"].get_or(std::string());
      if (builds.empty() && build != build_text())
        builds = "the checkpoint " + info.directory.string() + " was written by another build (" + build +
                 "; this is " + build_text() +
                 "): the run goes on, but from there its last bits may not be those of a run in one build";
    }
  return builds;
}

}  // namespace longsky
