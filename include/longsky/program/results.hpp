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
#include <charconv>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <ostream>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace longsky {

/// The evaluations of one chain, by seed.
struct ChainResult {
  std::string name;
  std::map<std::uint64_t, Evaluation> of_seed;

  /// The mean over `seeds` of the fraction of needles found at lengths above `beyond`; each must have been evaluated.
  double mean_exact(std::span<const std::uint64_t> seeds, int beyond = 0) const {
    double sum = 0;
    for (const std::uint64_t seed : seeds) sum += of_seed.at(seed).needle.mean_exact(beyond);
    return sum / static_cast<double>(seeds.size());
  }
  std::vector<std::uint64_t> seeds() const {
    std::vector<std::uint64_t> all;
    for (const auto& [seed, evaluation] : of_seed) all.push_back(seed);
    return all;
  }
};

/// What the last stage of a beginning of a chain did, in all seeds.
struct StageResult {
  std::string name;  ///< of its directory
  StageFigures figures;
};

/// A run, as its directory tells it.
struct Results {
  RunRecord run;
  std::vector<ChainResult> chains;   ///< those that have been evaluated
  std::vector<std::uint64_t> seeds;  ///< of which both "before" and "after" have been evaluated; at least one
  StageFigures figures;              ///< of all stages of all seeds
  std::vector<StageResult> stages;   ///< of all seeds, one for each beginning of a chain
  std::vector<LossCurve> losses;     ///< of the full chain, first of `seeds`
  std::vector<std::string> missing;  ///< sentences: what the directory should hold and does not

  const ChainResult* chain(const std::string& name) const {
    const auto found = std::find_if(chains.begin(), chains.end(), [&](const ChainResult& c) { return c.name == name; });
    return found == chains.end() ? nullptr : &*found;
  }
  StageFigures& of_stage(const std::string& name) {
    for (StageResult& s : stages)
      if (s.name == name) return s.figures;
    return stages.emplace_back(StageResult{name, {}}).figures;
  }
};

namespace results {

/// The seeds that have a directory of exactly the name that a run gives it, in rising order.
[[gnu::cold]] inline std::vector<std::uint64_t> seeds_in(const RunPaths& paths) {
  std::vector<std::uint64_t> seeds;
  std::error_code error;
  for (std::filesystem::directory_iterator it(paths.out, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::uint64_t seed = 0;
    std::from_chars(name.data() + name.find_last_not_of("0123456789") + 1, name.data() + name.size(), seed);
    if (it->path() == paths.seed(seed) && it->is_directory(error)) seeds.push_back(seed);
  }
  if (error) throw file_error("list", paths.out, error.value());
  std::sort(seeds.begin(), seeds.end());
  return seeds;
}

/// "12.5 %"; "–" for the mean of nothing.
inline std::string percent(double x) { return std::isfinite(x) ? fixed_text(100 * x, 1) + " %" : "–"; }

}  // namespace results

/// Throws Error(usage) where no run has begun.
[[gnu::cold]] inline void require_run(const RunPaths& paths) {
  if (!name_is_taken(paths.run_json()))
    throw Error(ExitCode::usage,
                "there is no run in " + paths.out.string() + "; name its directory with --out, or train first");
}

namespace results {

/// Adds what the finished stages of `chain` did, each of them once.
[[gnu::cold]] inline void add_figures(Results& all, const RunPaths& paths, std::uint64_t seed, const Chain& chain,
                                      std::set<std::string>& counted) {
  std::error_code error;
  for (std::size_t n = 1; n <= chain.links.size(); ++n) {
    const auto node = paths.node(seed, chain, n);
    const auto finished = node / "checkpoints" / finished_checkpoint;
    if (!name_is_taken(finished) || !counted.insert(node.string()).second) continue;
    const StageFigures of_node = read_stage_figures(open_checkpoint(finished));
    all.figures += of_node;
    all.of_stage(chain.directory(n)) += of_node;
  }
}

/// Adds the losses of the stages of `chain`. A stage without them keeps no report from being written.
[[gnu::cold]] inline void add_losses(Results& all, const RunPaths& paths, std::uint64_t seed, const Chain& chain) {
  for (std::size_t n = 1; n <= chain.links.size(); ++n) {
    const auto metrics = paths.node(seed, chain, n) / "metrics.jsonl";
    try {
      for (LossCurve& curve :
           read_loss_curves(metrics, [&](const std::string& damage) { all.missing.push_back(damage); }))
        all.losses.push_back(std::move(curve));
    } catch (const Error& error) {
      all.missing.push_back("the losses of " + chain.links[n - 1].name + ": " + error.what());
    }
  }
}

/// Adds sentences for what one seed has and another has not.
[[gnu::cold]] inline void add_missing(Results& all, const std::vector<std::uint64_t>& seeds) {
  for (const ChainResult& chain : all.chains)
    for (const std::uint64_t seed : seeds)
      if (!chain.of_seed.contains(seed))
        all.missing.push_back("seed " + std::to_string(seed) + " has no evaluation of '" + chain.name +
                              "' and is left out of its mean; train makes it");
  const int samples = all.chain("after")->of_seed.at(all.seeds.front()).needle.samples;
  for (const ChainResult& chain : all.chains)
    for (const auto& [seed, evaluation] : chain.of_seed)
      if (evaluation.needle.samples != samples)
        all.missing.push_back("'" + chain.name + "' of seed " + std::to_string(seed) + " was evaluated with " +
                              std::to_string(evaluation.needle.samples) + " needles in a cell, not " +
                              std::to_string(samples) + "; eval makes them alike");
}

}  // namespace results

/// Reads a run directory. `chains` are those to look for. What belongs together is put together by seed and name;
/// what is not there is said in `missing`. Throws Error(usage) where no seed has both "before" and "after".
[[gnu::cold]] inline Results read_results(const RunPaths& paths, const std::vector<Chain>& chains, bool development) {
  require_run(paths);
  std::error_code error;
  Results all;
  all.run = read_record<RunRecord>(paths.run_json());
  const std::vector<std::uint64_t> seeds = results::seeds_in(paths);
  std::set<std::string> counted;
  for (const Chain& chain : chains) {
    ChainResult result{chain.name, {}};
    for (const std::uint64_t seed : seeds) {
      results::add_figures(all, paths, seed, chain, counted);
      const auto path = paths.evaluation(seed, chain, development);
      if (!name_is_taken(path)) continue;
      auto record = read_record<EvaluationRecord>(path);
      if (record.chain != chain.name)
        throw Error(ExitCode::corrupt, path.string() + " is an evaluation of '" + record.chain + "', expected '" +
                                           chain.name + "'; remove it, and train makes it again");
      result.of_seed.emplace(seed, std::move(record.evaluation));
    }
    if (!result.of_seed.empty()) all.chains.push_back(std::move(result));
  }
  const ChainResult *before = all.chain("before"), *after = all.chain("after");
  if (before && after)
    for (const std::uint64_t seed : seeds)
      if (before->of_seed.contains(seed) && after->of_seed.contains(seed)) all.seeds.push_back(seed);
  if (all.seeds.empty())
    throw Error(ExitCode::usage, paths.out.string() +
                                     " has no seed with an evaluation of both the short recipe and the whole "
                                     "one; let train finish first");
  results::add_missing(all, seeds);
  for (const Chain& chain : chains)
    if (chain.name == "after") results::add_losses(all, paths, all.seeds.front(), chain);
  return all;
}

/// summary.json: the figures that other programs read.
[[gnu::cold]] inline Json summary_of(const Results& r) {
  const ChainResult &before = *r.chain("before"), &after = *r.chain("after");
  const int beyond = 2 * r.run.short_context;
  std::vector<Json> seeds;
  std::vector<Json::Member> chains;
  for (const std::uint64_t seed : r.seeds)
    seeds.push_back(Json::object({{"seed", seed},
                                  {"before_beyond", before.of_seed.at(seed).needle.mean_exact(beyond)},
                                  {"after", after.of_seed.at(seed).needle.mean_exact()}}));
  for (const ChainResult& chain : r.chains) {
    std::vector<Json> evaluations;
    for (const auto& [seed, evaluation] : chain.of_seed)
      evaluations.push_back(
          Json::object({{"seed", seed}, {"needle", evaluation.needle}, {"perplexity", evaluation.perplexity}}));
    const std::vector<std::uint64_t> of = chain.seeds();
    chains.push_back({chain.name, Json::object({{"seeds", of},
                                                {"found", chain.mean_exact(of)},
                                                {"found_beyond", chain.mean_exact(of, beyond)},
                                                {"evaluations", evaluations}})});
  }
  std::vector<Json::Member> stages;
  for (const StageResult& stage : r.stages) stages.push_back({stage.name, stage.figures});
  return Json::object({{"wall_s", r.run.wall_s},
                       {"seeds", seeds},
                       {"tokens_per_s", static_cast<double>(r.figures.tokens) / r.figures.seconds},
                       {"fraction_of_peak", r.figures.flops / r.figures.seconds / r.run.peak_flops},
                       {"peak_flops", r.run.peak_flops},
                       {"tokens", r.figures.tokens},
                       {"flops", r.figures.flops},
                       {"training_s", r.figures.seconds},
                       {"steps", r.figures.steps},
                       {"skipped_steps", r.figures.skipped},
                       {"empty_steps", r.figures.empty},
                       {"stages", Json::object(stages)},
                       {"device", r.run.device},
                       {"machine", r.run.machine},
                       {"command", r.run.command},
                       {"beyond", beyond},
                       {"needle", Json::object({{"before_beyond", before.mean_exact(r.seeds, beyond)},
                                                {"after", after.mean_exact(r.seeds)},
                                                {"grid_before", before.of_seed.at(r.seeds.front()).needle},
                                                {"grid_after", after.of_seed.at(r.seeds.front()).needle}})},
                       {"chains", Json::object(chains)},
                       {"missing", r.missing}});
}

/// The page: before and after side by side, perplexity, losses, recipe, machine, command.
[[gnu::cold]] inline ReportData report_of(const Results& r) {
  using results::percent;
  const ChainResult &before = *r.chain("before"), &after = *r.chain("after");
  const int beyond = 2 * r.run.short_context;
  ReportData data;
  data.title = "A longer context: " + std::to_string(r.run.short_context) + " to " +
               std::to_string(r.run.long_context) + " tokens";
  data.summary = "Needles found beyond " + std::to_string(beyond) +
                 " tokens: " + percent(before.mean_exact(r.seeds, beyond)) + " after the short recipe, " +
                 percent(after.mean_exact(r.seeds, beyond)) + " after the whole one; over all lengths " +
                 percent(after.mean_exact(r.seeds)) + " (" + std::to_string(r.seeds.size()) +
                 (r.seeds.size() == 1 ? " seed)." : " seeds).");
  data.marks = {r.run.short_context, r.run.long_context};
  const auto title = [&](std::uint64_t seed) {
    return r.seeds.size() == 1 ? std::string() : "seed " + std::to_string(seed);
  };
  for (const std::uint64_t seed : r.seeds)
    data.needles.push_back(
        {title(seed), {{"before", before.of_seed.at(seed).needle}, {"after", after.of_seed.at(seed).needle}}});
  const std::uint64_t first = r.seeds.front();
  for (const StagePerplexity& p : after.of_seed.at(first).perplexity)
    data.perplexity.push_back({"after " + p.stage + (r.seeds.size() == 1 ? "" : ", " + title(first)), p.curve});
  data.losses = r.losses;
  data.figures = {
      {"wall time", fixed_text(r.run.wall_s, 0) + " s"},
      {"training", general_text(r.figures.flops, 3) + " FLOP on " +
                       general_text(static_cast<double>(r.figures.tokens), 3) + " tokens"},
      {"tokens per second", fixed_text(static_cast<double>(r.figures.tokens) / r.figures.seconds, 0)},
      {"of the measured peak", percent(r.figures.flops / r.figures.seconds / r.run.peak_flops)},
      {"needles in a cell", std::to_string(after.of_seed.at(first).needle.samples)},
  };
  ReportTable table{"Needles found, exact answers",
                    {"model", "seeds", "all lengths", "beyond " + std::to_string(beyond) + " tokens"},
                    {}};
  for (const ChainResult& chain : r.chains) {
    std::string each;
    for (const auto& [seed, evaluation] : chain.of_seed)
      each += (each.empty() ? "" : ", ") + std::to_string(seed) + ": " + percent(evaluation.needle.mean_exact());
    const std::vector<std::uint64_t> of = chain.seeds();
    table.rows.push_back({chain.name, each, percent(chain.mean_exact(of)), percent(chain.mean_exact(of, beyond))});
  }
  data.tables.push_back(table);
  ReportTable stages{"Stages", {"stage", "steps", "skipped as spikes", "without a trained token", "tokens"}, {}};
  const auto row = [&](const std::string& name, const StageFigures& f) {
    stages.rows.push_back(
        {name, std::to_string(f.steps), std::to_string(f.skipped), std::to_string(f.empty), std::to_string(f.tokens)});
  };
  for (const StageResult& stage : r.stages) row(stage.name, stage.figures);
  row("all", r.figures);
  data.tables.push_back(stages);
  if (!r.missing.empty()) {
    ReportTable missing{"Missing", {"what the directory of the run lacks"}, {}};
    for (const std::string& sentence : r.missing) missing.rows.push_back({sentence});
    data.tables.push_back(missing);
  }
  data.recipe = {{"recipe", r.run.identity.recipe}, {"books", r.run.books}, {"held out", r.run.identity.held_out}};
  data.machine = {{"processor", r.run.machine},
                  {"device", r.run.device},
                  {"measured peak", fixed_text(r.run.peak_flops / 1e9, 0) + " GFLOP/s"}};
  data.command = r.run.command;
  return data;
}

/// Writes summary.json, report.html and its pictures.
inline void write_results(const RunPaths& paths, const Results& r) {
  replace_file(paths.summary(), summary_of(r).text(1) + "\n");
  write_report(paths.out, report_of(r));
}

/// The two heat maps of the first seed and what is missing, for a terminal or a log.
inline void print_results(std::ostream& out, const Results& r, bool colour) {
  const std::uint64_t seed = r.seeds.front();
  const std::string of = r.seeds.size() == 1 ? "" : ", seed " + std::to_string(seed);
  for (const char* name : {"before", "after"})
    print_heat_map(out, std::string(name) + ", needles found" + of, r.chain(name)->of_seed.at(seed).needle,
                   &NeedleGrid::exact, colour);
  for (const std::string& sentence : r.missing) out << "missing: " << sentence << '\n';
}

}  // namespace longsky
