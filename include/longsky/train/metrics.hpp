// longsky/train/metrics.hpp — what a run measures at each step: a line of metrics.jsonl and TensorBoard's curves.
//
// No step appears twice: a resumed run first drops what the file says of steps after the checkpoint it goes on from.
// Each line carries its own checksum (core/sealed_json.hpp), so that no flipped digit becomes a point of a curve.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/finite_math.hpp>
#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>
#include <longsky/core/sealed_json.hpp>
#include <longsky/io/tensorboard.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longsky {

/// One step's figures.
struct StepMetrics {
  std::int64_t step = 0;  ///< counts over the whole run, from 1
  std::string stage = {};
  std::int64_t tokens = 0;   ///< seen so far by the whole run
  std::int64_t trained = 0;  ///< tokens of this step that have a loss
  bool skipped = false;      ///< the step was a spike and changed nothing
  double loss = 0;           ///< mean over the step's trained tokens, nats
  double lr = 0;
  double grad_norm = 0;       ///< before clipping
  double tok_s = 0;           ///< tokens per second
  double mfu = 0;             ///< model FLOP/s over the measured peak
  std::int64_t mem_peak = 0;  ///< bytes
  double data_wait_ms = 0;    ///< how long the step waited for its data
  int seq_len = 0;
};

/// Seconds since 1970, UTC.
inline double wall_clock() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// "2025-01-31T12:00:00.250Z"
inline std::string utc_text(double wall_time) {
  const auto seconds = static_cast<std::time_t>(std::floor(wall_time));
  const int ms = static_cast<int>((wall_time - static_cast<double>(seconds)) * 1000);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[64], day[32];
  std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text, sizeof text, "%s.%03dZ", day, ms);
  return text;
}

/// The most memory this process ever held, bytes.
inline std::int64_t peak_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

/// The metrics of a run directory. A line is in the file when write() returns; throws Error where it cannot be.
class MetricsLog {
 public:
  /// `resumed_step`: the last step that counts, 0 for a new run. `header` says what ran (recipe, options, versions);
  /// a resumed run appends a header of its own. `say` takes a sentence about lines that are damaged.
  MetricsLog(const std::filesystem::path& run, const Json& header, std::int64_t resumed_step, double now = wall_clock(),
             const std::function<void(const std::string&)>& say = {})
      : lines_(prepared(run, resumed_step, say), O_APPEND), tensorboard_(run / "tb", resumed_step + 1, now) {
    sync_directory(run);
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    std::vector<Json::Member> fields = {{"type", "header"},
                                        {"time", utc_text(now)},
                                        {"host", host},
                                        {"pid", ::getpid()},
                                        {"resumed_step", resumed_step}};
    for (Json::Member& member : header.members()) fields.push_back(std::move(member));
    append(Json::object(fields));
  }

  /// A loss that is not a number is written as null.
  [[gnu::cold]] void write(const StepMetrics& m, double now = wall_clock()) {
    append(Json::object({{"step", m.step},
                         {"stage", m.stage},
                         {"tokens", m.tokens},
                         {"trained", m.trained},
                         {"skipped", m.skipped},
                         {"time", utc_text(now)},
                         {"loss", m.loss},
                         {"ppl", std::exp(m.loss)},
                         {"lr", m.lr},
                         {"grad_norm", m.grad_norm},
                         {"tok_s", m.tok_s},
                         {"mfu", m.mfu},
                         {"mem_peak", m.mem_peak},
                         {"data_wait_ms", m.data_wait_ms},
                         {"seq_len", m.seq_len}}));
    const std::pair<std::string_view, double> curves[] = {{"train/loss", m.loss},
                                                          {"train/lr", m.lr},
                                                          {"train/grad_norm", m.grad_norm},
                                                          {"speed/tokens_per_s", m.tok_s},
                                                          {"speed/mfu", m.mfu},
                                                          {"speed/data_wait_ms", m.data_wait_ms},
                                                          {"memory/peak_bytes", static_cast<double>(m.mem_peak)}};
    for (const auto& [tag, value] : curves) tensorboard_.scalar(tag, m.step, value, now);
  }

  /// Any other figure of a step, such as an evaluation's.
  void scalar(std::string_view tag, std::int64_t step, double value, double now = wall_clock()) {
    append(Json::object({{"type", "scalar"}, {"step", step}, {"time", utc_text(now)}, {"tag", tag}, {"value", value}}));
    tensorboard_.scalar(tag, step, value, now);
  }

  /// Returns when every line and record is on the disk. A checkpoint that counts steps is written after it.
  void sync() {
    lines_.sync();
    tensorboard_.sync();
  }

  /// A picture for TensorBoard.
  void image(std::string_view tag, std::int64_t step, int width, int height, std::string_view png,
             double now = wall_clock()) {
    tensorboard_.image(tag, step, width, height, png, now);
  }

 private:
  /// The path of the lines, after those of steps that will be done again, and a line torn by a kill, are gone from it.
  /// A damaged line that stands before one that counts tells of a step that counts: it stays, for whoever can mend it.
  [[gnu::cold]] static std::filesystem::path prepared(const std::filesystem::path& run, std::int64_t resumed_step,
                                                      const std::function<void(const std::string&)>& say) {
    make_directories(run);
    const std::filesystem::path path = run / "metrics.jsonl";
    if (!name_is_taken(path)) return path;
    const std::string text = read_file(path);
    std::string kept, damaged;
    DamagedLines found(path);
    int number = 0;
    for_each_sealed_line(text, [&](std::string_view line, const Json& record, const std::string& problem) {
      ++number;
      if (line.back() != '\n') return;  // torn by a kill; its step is done again
      if (!record.is_object()) {
        found.add(number, problem);
        damaged += line;
      } else if (resumed_step > 0 && record["step"].get_or<std::int64_t>(0) <= resumed_step) {
        kept.append(std::exchange(damaged, {})) += line;
      }
    });
    if (kept != text) replace_file(path, kept);
    if (say && found.any()) say(found.sentence());
    return path;
  }

  void append(const Json& line) { lines_.write(sealed_text(line) + "\n"); }

  FileWriter lines_;
  TensorBoard tensorboard_;
};

}  // namespace longsky
