// longsky/program/records.hpp — the JSON files of a run directory, as structs: run.json and the evaluations. Each
// carries its own checksum (core/sealed_json.hpp).
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>
#include <longsky/core/sealed_json.hpp>
#include <longsky/eval/report_data.hpp>
#include <longsky/program/identity.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace longsky {

/// run.json: what was run, where, and for how long.
struct RunRecord {
  static constexpr const char* remedy = "use another --out";

  RunIdentity identity;
  double wall_s = 0;      ///< of all invocations so far
  double peak_flops = 0;  ///< measured at the start of the last one
  std::string device, machine, command, books;
  int short_context = 0, long_context = 0;

  static void fields(auto& run, auto&& field) {
    field("identity", run.identity);
    field("wall_s", run.wall_s);
    field("peak_flops", run.peak_flops);
    field("device", run.device);
    field("machine", run.machine);
    field("command", run.command);
    field("books", run.books);
    field("short_context", run.short_context);
    field("long_context", run.long_context);
  }
  bool sound() const { return short_context > 0 && long_context >= short_context; }
};

/// The perplexity of a chain's model after one of its stages.
struct StagePerplexity {
  std::string stage;
  PerplexityCurve curve;

  static void fields(auto& perplexity, auto&& field) {
    field("stage", perplexity.stage);
    field("curve", perplexity.curve);
  }
};

/// What an evaluation of one chain found: needles at its end, perplexity after each of its stages.
struct Evaluation {
  NeedleGrid needle;
  std::vector<StagePerplexity> perplexity;

  static void fields(auto& evaluation, auto&& field) {
    field("needle", evaluation.needle);
    field("perplexity", evaluation.perplexity);
  }
};

/// An evaluation with what it was asked for.
struct EvaluationRecord {
  static constexpr const char* remedy = "`train` makes it again";

  std::string chain;
  int samples = 0;
  Evaluation evaluation;

  static void fields(auto& record, auto&& field) {
    field("chain", record.chain);
    field("samples", record.samples);
    field("evaluation", record.evaluation);
  }
  bool sound() const {
    const NeedleGrid& grid = evaluation.needle;
    bool all = grid.whole(&NeedleGrid::exact) && grid.whole(&NeedleGrid::ranked) && !evaluation.perplexity.empty();
    for (const StagePerplexity& p : evaluation.perplexity) all = all && p.curve.whole();
    return all;
  }
};

/// A record as its file has it. Throws Error(corrupt) with the file's name where that is not what a run writes.
template <JsonStruct T>
[[gnu::cold]] T read_record(const std::filesystem::path& path) {
  std::string problem;
  const Json json = read_sealed(path, &problem);
  try {
    if (problem.empty()) {
      const T record = json.get<T>();
      if (record.sound()) return record;
      problem = "its numbers do not fit together";
    }
  } catch (const Error& error) {
    problem = error.what();
  }
  throw Error(ExitCode::corrupt, path.string() + " is not what a run writes: " + problem + "; " + T::remedy);
}

template <JsonStruct T>
void write_record(const std::filesystem::path& path, const T& record) {
  write_sealed(path, record);
}

}  // namespace longsky
