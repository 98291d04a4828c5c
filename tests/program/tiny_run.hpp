// program/tiny_run.hpp — runs of the tiny program: its books, its command, what it leaves, and the bits it must end
// with.
#pragma once

#include "data/toy_corpus.hpp"
#include "program/process.hpp"
#include "support/scratch_directory.hpp"

#include <longsky/core/sealed_json.hpp>
#include <longsky/io/checkpoint.hpp>
#include <longsky/program/records.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace longsky::test {

namespace fs = std::filesystem;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

/// Three books of made-up words in which the needle's words are common, so that a small tokenizer has them.
inline void write_books(const fs::path& directory, int words = 3000) {
  fs::create_directories(directory);
  for (const Book& book : toy_books(words)) {
    std::string text;
    for (std::size_t at = 0, end; at < book.text.size(); at = end) {
      end = std::min(book.text.find('.', at), book.text.size());
      end = std::min(end + 1, book.text.size());
      text += book.text.substr(at, end - at);
      if (text.size() % 3 == 0)
        text += "\n\nThe special magic number for this is unknown. What is the special magic number?";
    }
    replace_file(directory / (book.name + ".txt"), text);
  }
}

/// Books of a test program, made once.
inline const fs::path& books() {
  static const ScratchDirectory directory;
  static const bool made = (write_books(directory.path()), true);
  (void)made;
  return directory.path();
}

inline Arguments train(const fs::path& out, int threads = 1, const fs::path& corpus = books()) {
  return {"train",     "--out", out.string(), "--corpus", corpus.string(), "--held-out",           "last",
          "--samples", "1",     "--progress", "json",     "--threads",     std::to_string(threads)};
}

inline const char* const nodes[] = {"pretrain", "pretrain+sft", "pretrain+sft+long_text"};
inline fs::path node(const fs::path& out, int i) { return out / "seed_0" / nodes[i]; }

/// What must not depend on how a run came to its end.
struct Outcome {
  std::map<std::string, std::string> files;  // weights, moments, spike guards, evaluations
  std::map<std::string, std::vector<std::tuple<int, double, double>>> curves;  // step, loss, gradient norm
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

inline Outcome outcome_of(const fs::path& out) {
  Outcome outcome;
  for (int i = 0; i < 3; ++i) {
    const std::string name = nodes[i];
    for (const char* file :
         {"checkpoints/finished/model.safetensors", "checkpoints/finished/optimizer.safetensors", "evaluation.json"})
      if (fs::exists(node(out, i) / file)) outcome.files[name + "/" + file] = read_file(node(out, i) / file);
    if (const fs::path state = node(out, i) / "checkpoints/finished/state.json"; fs::exists(state))
      outcome.files[name + "/guard"] = Json::parse(read_file(state)).at("guard").text();
    const std::string text =
        fs::exists(node(out, i) / "metrics.jsonl") ? read_file(node(out, i) / "metrics.jsonl") : "";
    for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
      const Json record = Json::parse(text.substr(at, end - at));
      if (record.contains("loss"))
        outcome.curves[name].emplace_back(record.at("step").get<int>(), record.at("loss").get<double>(),
                                          record.at("grad_norm").get<double>());
    }
  }
  return outcome;
}

/// The end of a run that nothing disturbed, on one thread.
inline const Outcome& undisturbed() {
  static const Outcome outcome = [] {
    const ScratchDirectory out;
    const Ended ended = run(train(out.path()));
    if (ended.code != 0) throw std::runtime_error("the tiny program fails:\n" + ended.said);
    return outcome_of(out.path());
  }();
  return outcome;
}

/// Goes on with a run until its first stage is finished, then kills it. What it said, and what that stage left.
inline std::pair<std::string, Outcome> first_stage(const fs::path& out, int threads = 1) {
  Process process(train(out, threads));
  if (process.says("\"stage\":\"sft\"")) process.signal(SIGKILL);
  const Ended ended = process.wait();
  Outcome outcome = outcome_of(out);
  outcome.curves = {{nodes[0], outcome.curves[nodes[0]]}};
  return {ended.said, outcome};
}
inline const Outcome& undisturbed_first_stage() {
  static const Outcome outcome = [] {
    Outcome first = undisturbed();
    first.curves = {{nodes[0], first.curves[nodes[0]]}};
    std::erase_if(first.files, [](const auto& file) { return !file.first.starts_with("pretrain/"); });
    return first;
  }();
  return outcome;
}

/// Trains until `step` of the first stage is done, with a checkpoint after each, and stops.
inline Ended stop_after(const fs::path& out, int step, const fs::path& corpus = books()) {
  Process process(train(out, 1, corpus) + Arguments{"--checkpoint-every", "1", "--keep", "3"});
  if (process.says("\"step\":" + std::to_string(step) + ",")) process.signal(SIGTERM);
  return process.wait();
}

inline std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// Writes the text of a record with a seal that fits it.
inline void write_resealed(const fs::path& path, const std::string& text) {
  const std::string before = text.substr(0, text.rfind(sealed::name));
  replace_file(path, before + sealed::seal(before, true) + "\n");
}

/// Writes COMPLETE anew, so that whatever the files hold passes for what was written.
inline void sign(const fs::path& directory, std::int64_t step) {
  CheckpointManifest manifest{step, {}};
  for (std::size_t i = 0; i < manifest.files.size(); ++i) {
    const std::string bytes = read_file(directory / manifest.files[i]);
    manifest.digests[i] = {bytes.size(), crc32c(bytes)};
  }
  replace_file(directory / "COMPLETE", manifest.text());
}

}  // namespace longsky::test
