// longsky/io/checkpoint.hpp — checkpoints as directories under <run>/checkpoints/, of which one is always whole.
//
//   step_00000123/ or stage_3-sft/ = model.safetensors, optimizer.safetensors, state.json, COMPLETE
//
// A checkpoint is written under a temporary name, flushed, renamed, and only then are older ones removed. COMPLETE is
// written last and lists each file's size and CRC-32C, so a copy that lacks a byte is known before it is used. What is
// removed there bears a name of ours, and no link is followed to it.
#pragma once

#include <longsky/core/crc32c.hpp>
#include <longsky/core/error.hpp>
#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>
#include <longsky/core/stop.hpp>
#include <longsky/io/safetensors.hpp>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace longsky {

/// A checkpoint on the disk.
struct CheckpointInfo {
  std::filesystem::path directory;
  std::int64_t step = 0;
};

/// What COMPLETE says.
struct CheckpointManifest {
  static constexpr std::array<std::string_view, 3> files = {"model.safetensors", "optimizer.safetensors", "state.json"};
  std::int64_t step = 0;
  std::array<FileDigest, files.size()> digests;

  /// The text of COMPLETE. Its last line is the checksum of the lines before, so every flipped bit shows.
  std::string text() const {
    std::string lines = "longsky checkpoint 1\nstep " + std::to_string(step) + "\n";
    char line[96];
    for (std::size_t i = 0; i < files.size(); ++i) {
      std::snprintf(line, sizeof line, "%s %" PRIu64 " bytes crc32c %08x\n", files[i].data(), digests[i].size,
                    digests[i].crc32c);
      lines += line;
    }
    std::snprintf(line, sizeof line, "end crc32c %08x\n", crc32c(lines));
    return lines + line;
  }
};

namespace checkpoint {

namespace fs = std::filesystem;

inline fs::path folder(const fs::path& run) { return run / "checkpoints"; }

inline std::string step_name(std::int64_t step) {
  char name[32];
  std::snprintf(name, sizeof name, "step_%08" PRId64, step);
  return name;
}

[[noreturn]] inline void reject(const fs::path& directory, const std::string& what) {
  throw Error(ExitCode::corrupt, "the checkpoint '" + directory.string() + "' is damaged: " + what +
                                     "; remove that directory, and the run goes on from what is left");
}

/// COMPLETE, which must be to the byte what text() gives for the numbers in it.
[[gnu::cold]] inline CheckpointManifest read_manifest(const fs::path& directory) {
  if (!name_is_taken(directory / "COMPLETE")) reject(directory, "it has no file COMPLETE, so it was never finished");
  const FileReader file(directory / "COMPLETE");
  if (file.size() > 4096) reject(directory, "COMPLETE is larger than any that was written");
  std::string text(file.size(), '\0');
  file.read(0, std::as_writable_bytes(std::span(text.data(), text.size())));
  CheckpointManifest manifest;
  auto& d = manifest.digests;
  const int found = std::sscanf(
      text.c_str(),
      "longsky checkpoint 1 step %" SCNd64 " model.safetensors %" SCNu64
      " bytes crc32c %x optimizer.safetensors %" SCNu64 " bytes crc32c %x state.json %" SCNu64 " bytes crc32c %x",
      &manifest.step, &d[0].size, &d[0].crc32c, &d[1].size, &d[1].crc32c, &d[2].size, &d[2].crc32c);
  if (found != 7 || manifest.text() != text) reject(directory, "COMPLETE does not agree with its own checksum");
  return manifest;
}

/// Reads every byte and compares it with COMPLETE. Throws Error: stopped when the program is asked to stop.
[[gnu::cold]] inline void verify(const fs::path& directory) {
  const CheckpointManifest manifest = read_manifest(directory);
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  for (std::size_t i = 0; i < manifest.files.size(); ++i) {
    const std::string name(manifest.files[i]);
    if (!name_is_taken(directory / name)) reject(directory, "it has no file " + name);
    const FileReader file(directory / name);
    if (file.size() != manifest.digests[i].size)
      reject(directory, name + " has " + std::to_string(file.size()) + " bytes, expected " +
                            std::to_string(manifest.digests[i].size));
    std::uint32_t crc = 0;
    for (std::uint64_t at = 0; at < file.size(); at += buffer.size()) {
      const std::span<std::byte> part(buffer.data(), std::min<std::uint64_t>(buffer.size(), file.size() - at));
      file.read(at, part);
      crc = crc32c(part, crc);
      heed_stop("reading a checkpoint");
    }
    if (crc != manifest.digests[i].crc32c) reject(directory, name + " does not have the checksum it was written with");
  }
}

/// What is in <run>/checkpoints; nothing where that is not there. Throws Error(usage) where it is a link: what is old
/// in there is removed, and that must not be somebody else's.
[[gnu::cold]] inline std::vector<fs::path> entries(const fs::path& run) {
  std::vector<fs::path> found;
  std::error_code error;
  if (fs::is_symlink(folder(run), error))
    throw Error(ExitCode::usage, "'" + folder(run).string() +
                                     "' is a symbolic link, and checkpoints are not written or removed through one; "
                                     "move the directory there, or make the whole run directory a link");
  for (fs::directory_iterator it(folder(run), error), end; !error && it != end; it.increment(error))
    found.push_back(it->path());
  if (error && error != std::errc::no_such_file_or_directory) throw file_error("list", folder(run), error.value());
  std::sort(found.begin(), found.end());
  return found;
}

inline bool stepped_aside(const fs::path& directory) { return directory.extension() == ".replaced"; }

/// The finished checkpoints, the newest last; of equal steps a stage's final one counts as newer. `report` takes a
/// sentence for each directory that has no sound marker.
template <class Report>
[[gnu::cold]] std::vector<CheckpointInfo> finished(const fs::path& run, const Report& report) {
  const auto rank = [](const CheckpointInfo& c) {
    const bool named = c.directory.filename().string().rfind("step_", 0) != 0;
    return std::tuple(c.step, !stepped_aside(c.directory), named);
  };
  std::vector<CheckpointInfo> found;
  for (const fs::path& directory : entries(run)) {
    std::error_code error;
    if (is_temporary_name(directory) || !fs::is_directory(directory, error)) continue;
    try {
      CheckpointInfo info{directory, read_manifest(directory).step};
      const auto before = [&](const CheckpointInfo& a, const CheckpointInfo& b) { return rank(a) < rank(b); };
      found.insert(std::upper_bound(found.begin(), found.end(), info, before), info);
    } catch (const Error& e) {
      report(std::string(e.what()));
    }
  }
  return found;
}

/// Takes the name away first, so that what a kill leaves is known for rubbish. What cannot be removed stays whole and
/// takes nothing but space, which is no reason to end a run.
inline void discard(const fs::path& directory) {
  std::error_code error;
  fs::path doomed = directory;
  if (!is_temporary_name(directory)) {
    doomed = temporary_name(directory);
    fs::rename(directory, doomed, error);
    if (error) return;
  }
  fs::remove_all(doomed, error);
}

[[gnu::cold]] inline CheckpointInfo write(const fs::path& run, const std::string& name, std::int64_t step,
                                          std::span<const TensorRef> model, std::span<const TensorRef> optimizer,
                                          const Json& state) {
  make_directories(folder(run));
  for (const fs::path& directory : entries(run))
    if (is_temporary_name(directory) && is_real_directory(directory)) discard(directory);
  const fs::path target = folder(run) / name, temporary = temporary_name(target), aside = target.string() + ".replaced";
  std::error_code error;
  if (::mkdir(temporary.c_str(), 0777) != 0) throw file_error("make the directory", temporary, errno);
  try {
    CheckpointManifest manifest{step, {}};
    manifest.digests[0] = write_safetensors(temporary / manifest.files[0], model, {{"step", std::to_string(step)}});
    manifest.digests[1] = write_safetensors(temporary / manifest.files[1], optimizer, {{"step", std::to_string(step)}});
    const std::string state_text = state.text(2) + "\n";
    manifest.digests[2] = {state_text.size(), crc32c(state_text)};
    replace_file(temporary / manifest.files[2], state_text);
    replace_file(temporary / "COMPLETE", manifest.text());
    // A directory cannot be renamed onto another. One of the same name steps aside, and still counts until the new one
    // is in place.
    if (fs::exists(target, error)) {
      discard(aside);
      rename_durably(target, aside);
    }
    rename_durably(temporary, target);
  } catch (...) {
    fs::remove_all(temporary, error);
    throw;
  }
  if (fs::exists(aside, error)) discard(aside);
  return {target, step};
}

}  // namespace checkpoint

/// Writes <run>/checkpoints/step_…; when it is on the disk, removes all but the newest `keep` of the step checkpoints
/// up to this one, this one never. `step` counts over the whole run. Throws Error; what was there before then remains.
[[gnu::cold]] inline CheckpointInfo write_checkpoint(const std::filesystem::path& run, std::int64_t step,
                                                     std::span<const TensorRef> model,
                                                     std::span<const TensorRef> optimizer, const Json& state,
                                                     int keep) {
  const CheckpointInfo written = checkpoint::write(run, checkpoint::step_name(step), step, model, optimizer, state);
  std::vector<CheckpointInfo> older;
  for (const CheckpointInfo& c : checkpoint::finished(run, [](const std::string&) {}))
    if (c.step < step && c.directory.filename() == checkpoint::step_name(c.step)) older.push_back(c);
  const std::size_t kept = static_cast<std::size_t>(std::max(keep, 1)) - 1;
  for (std::size_t i = 0; i + kept < older.size(); ++i) checkpoint::discard(older[i].directory);
  return written;
}

/// Writes <run>/checkpoints/<name>, such as "stage_3-sft": a checkpoint that is never removed.
inline CheckpointInfo write_named_checkpoint(const std::filesystem::path& run, const std::string& name,
                                             std::int64_t step, std::span<const TensorRef> model,
                                             std::span<const TensorRef> optimizer, const Json& state) {
  if (name.empty() || name.rfind("step_", 0) == 0 || name.find_first_of("/.") != std::string::npos)
    throw Error(ExitCode::usage, "'" + name + "' cannot name a checkpoint; choose a name without '/' and '.' " +
                                     "that does not begin with 'step_'");
  return checkpoint::write(run, name, step, model, optimizer, state);
}

/// The newest checkpoint whose every byte is as it was written; nothing where there is none. `report` takes a sentence
/// for each damaged one that is passed over.
template <class Report>
std::optional<CheckpointInfo> newest_checkpoint(const std::filesystem::path& run, const Report& report) {
  const std::vector<CheckpointInfo> found = checkpoint::finished(run, report);
  for (auto c = found.rbegin(); c != found.rend(); ++c) {
    try {
      checkpoint::verify(c->directory);
      return *c;
    } catch (const Error& e) {
      if (e.code() == ExitCode::stopped) throw;
      report(std::string(e.what()));
    }
  }
  return std::nullopt;
}

/// The checkpoint in a directory, its marker checked; for one that a user names.
inline CheckpointInfo open_checkpoint(const std::filesystem::path& directory) {
  return {directory, checkpoint::read_manifest(directory).step};
}

/// The state a checkpoint was written with. Reads no tensor.
inline Json read_checkpoint_state(const CheckpointInfo& info) {
  const CheckpointManifest manifest = checkpoint::read_manifest(info.directory);
  const std::string text = read_file(info.directory / manifest.files[2]);
  if (FileDigest{text.size(), crc32c(text)} != manifest.digests[2])
    checkpoint::reject(info.directory, "state.json does not have the checksum it was written with");
  Json state = Json::parse(text);
  if (!state.is_object()) checkpoint::reject(info.directory, "state.json is not a JSON object");
  return state;
}

/// Fills `model` and, unless it is empty, `optimizer`, and returns the state. Sizes, checksums, names and shapes are
/// all found right before the first byte of a destination changes. Throws Error.
inline Json read_checkpoint(const CheckpointInfo& info, std::span<const TensorRef> model,
                            std::span<const TensorRef> optimizer) {
  checkpoint::verify(info.directory);
  Json state = read_checkpoint_state(info);
  const auto model_file = info.directory / CheckpointManifest::files[0];
  const auto optimizer_file = info.directory / CheckpointManifest::files[1];
  safetensors::offsets_of(model_file, read_safetensors_header(model_file), model);
  if (!optimizer.empty()) safetensors::offsets_of(optimizer_file, read_safetensors_header(optimizer_file), optimizer);
  read_safetensors(model_file, model);
  if (!optimizer.empty()) read_safetensors(optimizer_file, optimizer);
  return state;
}

}  // namespace longsky
