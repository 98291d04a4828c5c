// longsky/program/results.hpp — what a run directory holds, read back: the summary, the report, the heat maps.
//
// Everything is a function of the files alone, so that a report can be made again without the books or a model.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>
#include <longsky/core/number_text.hpp>
#include <longsky/eval/heat_map.hpp>
#include <longsky/eval/loss_curve.hpp>
#include <longsky/eval/report.hpp>
#include <longsky/eval/report_data.hpp>
#include <longsky/io/checkpoint.hpp>
#include <longsky/program/chain.hpp>
#include <longsky/program/paths.hpp>
#include <longsky/program/records.hpp>
#include <longsky/program/stage_run.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <ostream>
#include <set>
#include <string>
#include <vector>

namespace longsky {

/// The evaluations of one chain, seed by seed.
struct ChainResult {
  std::string name;
  std::vector<std::uint64_t> seeds;
  std::vector<Evaluation> evaluations;

  /// The mean over seeds of the fraction of needles found at lengths above `beyond`.
  double mean_exact(int beyond = 0) const {
    double sum = 0;
    for (const Evaluation& e : evaluations) sum += e.needle.mean_exact(beyond);
    return evaluations.empty() ? 0 : sum / static_cast<double>(evaluations.size());
  }
};

/// A run, as its directory tells it.
struct Results {
  RunRecord run;
  std::vector<ChainResult> chains;  ///< those that have been evaluated
  StageFigures figures;             ///< of all stages of all seeds
  std::vector<LossCurve> losses;    ///< of the full chain, first seed

  const ChainResult* chain(const std::string& name) const {
    const auto found = std::find_if(chains.begin(), chains.end(), [&](const ChainResult& c) { return c.name == name; });
    return found == chains.end() ? nullptr : &*found;
  }
};

namespace results {

[[gnu::cold]] inline std::vector<std::uint64_t> seeds_in(const std::filesystem::path& out) {
  std::vector<std::uint64_t> seeds;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(out, error))
    if (unsigned long long seed = 0; std::sscanf(entry.path().filename().c_str(), "seed_%llu", &seed) == 1)
      seeds.push_back(seed);
  std::sort(seeds.begin(), seeds.end());
  return seeds;
}

inline std::string percent(double x) { return fixed_text(100 * x, 1) + " %"; }
inline std::string number(const char* format, double x) {
  const ClassicLocale numbers;
  char text[64];
  std::snprintf(text, sizeof text, format, x);
  return text;
}

}  // namespace results

/// Throws Error(usage) where no run has begun.
[[gnu::cold]] inline void require_run(const RunPaths& paths) {
  std::error_code error;
  if (!std::filesystem::exists(paths.run_json(), error))
    throw Error(ExitCode::usage,
                "there is no run in " + paths.out.string() + "; name its directory with --out, or train first");
}

/// Reads a run directory. `chains` are those to look for.
[[gnu::cold]] inline Results read_results(const RunPaths& paths, const std::vector<Chain>& chains, bool development) {
  require_run(paths);
  std::error_code error;
  Results all;
  all.run = read_record<RunRecord>(paths.run_json());
  std::set<std::string> counted;
  for (const Chain& chain : chains) {
    ChainResult result{chain.name, {}, {}};
    for (const std::uint64_t seed : results::seeds_in(paths.out)) {
      for (std::size_t n = 1; n <= chain.links.size(); ++n) {
        const auto node = paths.node(seed, chain, n);
        const auto finished = node / "checkpoints" / finished_checkpoint;
        if (!std::filesystem::exists(finished, error) || !counted.insert(node.string()).second) continue;
        const auto f = read_checkpoint_state(open_checkpoint(finished)).at("figures").get<StageFigures>();
        all.figures.tokens += f.tokens;
        all.figures.flops += f.flops;
        all.figures.seconds += f.seconds;
      }
      const auto path = paths.evaluation(seed, chain, development);
      if (!std::filesystem::exists(path, error)) continue;
      result.seeds.push_back(seed);
      result.evaluations.push_back(read_record<EvaluationRecord>(path).evaluation);
    }
    if (chain.name == "after" && !result.seeds.empty())
      for (std::size_t n = 1; n <= chain.links.size(); ++n)
        for (LossCurve& curve : read_loss_curves(paths.node(result.seeds.front(), chain, n) / "metrics.jsonl"))
          all.losses.push_back(std::move(curve));
    if (!result.evaluations.empty()) all.chains.push_back(std::move(result));
  }
  if (!all.chain("before") || !all.chain("after"))
    throw Error(ExitCode::usage, paths.out.string() +
                                     " has no evaluation of both the short recipe and the whole "
                                     "one; let train finish first");
  return all;
}

/// summary.json: the figures that other programs read.
[[gnu::cold]] inline Json summary_of(const Results& r) {
  const ChainResult &before = *r.chain("before"), &after = *r.chain("after");
  const int beyond = 2 * r.run.short_context;
  std::vector<Json> seeds;
  std::vector<Json::Member> chains;
  for (std::size_t s = 0; s < std::min(before.seeds.size(), after.seeds.size()); ++s)
    seeds.push_back(Json::object({{"seed", after.seeds[s]},
                                  {"before_beyond", before.evaluations[s].needle.mean_exact(beyond)},
                                  {"after", after.evaluations[s].needle.mean_exact()}}));
  for (const ChainResult& chain : r.chains)
    chains.push_back({chain.name, Json::object({{"seeds", chain.seeds},
                                                {"found", chain.mean_exact()},
                                                {"found_beyond", chain.mean_exact(beyond)},
                                                {"evaluations", chain.evaluations}})});
  return Json::object({{"wall_s", r.run.wall_s},
                       {"seeds", seeds},
                       {"tokens_per_s", static_cast<double>(r.figures.tokens) / r.figures.seconds},
                       {"fraction_of_peak", r.figures.flops / r.figures.seconds / r.run.peak_flops},
                       {"peak_flops", r.run.peak_flops},
                       {"tokens", r.figures.tokens},
                       {"flops", r.figures.flops},
                       {"training_s", r.figures.seconds},
                       {"device", r.run.device},
                       {"machine", r.run.machine},
                       {"command", r.run.command},
                       {"beyond", beyond},
                       {"needle", Json::object({{"before_beyond", before.mean_exact(beyond)},
                                                {"after", after.mean_exact()},
                                                {"grid_before", before.evaluations.front().needle},
                                                {"grid_after", after.evaluations.front().needle}})},
                       {"chains", Json::object(chains)}});
}

/// The page: before and after side by side, perplexity, losses, recipe, machine, command.
[[gnu::cold]] inline ReportData report_of(const Results& r) {
  using results::number;
  using results::percent;
  const ChainResult &before = *r.chain("before"), &after = *r.chain("after");
  const int beyond = 2 * r.run.short_context;
  ReportData data;
  data.title = "A longer context: " + std::to_string(r.run.short_context) + " to " +
               std::to_string(r.run.long_context) + " tokens";
  data.summary = "Needles found beyond " + std::to_string(beyond) + " tokens: " + percent(before.mean_exact(beyond)) +
                 " after the short recipe, " + percent(after.mean_exact(beyond)) +
                 " after the whole one; over all lengths " + percent(after.mean_exact()) + " (" +
                 std::to_string(after.seeds.size()) + (after.seeds.size() == 1 ? " seed)." : " seeds).");
  data.marks = {r.run.short_context, r.run.long_context};
  for (std::size_t s = 0; s < std::min(before.seeds.size(), after.seeds.size()); ++s)
    data.needles.push_back({after.seeds.size() == 1 ? "" : "seed " + std::to_string(after.seeds[s]),
                            {{"before", before.evaluations[s].needle}, {"after", after.evaluations[s].needle}}});
  for (const StagePerplexity& p : after.evaluations.front().perplexity)
    data.perplexity.push_back({"after " + p.stage, p.curve});
  data.losses = r.losses;
  data.figures = {
      {"wall time", number("%.0f s", r.run.wall_s)},
      {"training",
       number("%.3g FLOP", r.figures.flops) + " on " + number("%.3g tokens", static_cast<double>(r.figures.tokens))},
      {"tokens per second", number("%.0f", static_cast<double>(r.figures.tokens) / r.figures.seconds)},
      {"of the measured peak", percent(r.figures.flops / r.figures.seconds / r.run.peak_flops)},
      {"needles in a cell", std::to_string(after.evaluations.front().needle.samples)},
  };
  ReportTable table{"Needles found, exact answers",
                    {"model", "seeds", "all lengths", "beyond " + std::to_string(beyond) + " tokens"},
                    {}};
  for (const ChainResult& chain : r.chains) {
    std::string each;
    for (std::size_t s = 0; s < chain.seeds.size(); ++s)
      each +=
          (s ? ", " : "") + std::to_string(chain.seeds[s]) + ": " + percent(chain.evaluations[s].needle.mean_exact());
    table.rows.push_back({chain.name, each, percent(chain.mean_exact()), percent(chain.mean_exact(beyond))});
  }
  data.tables.push_back(table);
  data.recipe = {{"recipe", r.run.identity.recipe}, {"books", r.run.books}, {"held out", r.run.identity.held_out}};
  data.machine = {{"processor", r.run.machine},
                  {"device", r.run.device},
                  {"measured peak", number("%.0f GFLOP/s", r.run.peak_flops / 1e9)}};
  data.command = r.run.command;
  return data;
}

/// Writes summary.json, report.html and its pictures.
inline void write_results(const RunPaths& paths, const Results& r) {
  replace_file(paths.summary(), summary_of(r).text(1) + "\n");
  write_report(paths.out, report_of(r));
}

/// The two heat maps, for a terminal or a log.
inline void print_results(std::ostream& out, const Results& r, bool colour) {
  for (const char* name : {"before", "after"})
    print_heat_map(out, std::string(name) + ", needles found", r.chain(name)->evaluations.front().needle,
                   &NeedleGrid::exact, colour);
}

}  // namespace longsky
