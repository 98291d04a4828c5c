// program/results_test.cpp — what a run directory holds is put together by seed and name, and what it lacks is said.
#include "support/catch.hpp"
#include "support/scratch_directory.hpp"

#include <longsky/program/results.hpp>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

using namespace longsky;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

namespace {

const std::vector<Chain> chains = {{"before", {{0, "short", {}}}}, {"after", {{0, "short", {}}, {1, "long", {}}}}};

/// A run directory in which needles are found at the share given, at lengths 64 and 256.
struct RunDirectory {
  ScratchDirectory scratch;
  RunPaths paths{scratch.path()};

  RunDirectory() {
    RunRecord run;
    run.short_context = 64;
    run.long_context = 256;
    run.peak_flops = 1e9;
    write_record(paths.run_json(), run);
  }
  void evaluated(std::uint64_t seed, const Chain& chain, double found, int samples = 4, const std::string& name = "") {
    for (std::size_t links = 1; links <= chain.links.size(); ++links) {
      fs::create_directories(paths.node(seed, chain, links));
      replace_file(paths.node(seed, chain, links) / "metrics.jsonl",
                   sealed_text(Json::object({{"step", 1}, {"stage", "short"}, {"loss", 2}})) + "\n");
    }
    const std::vector<std::vector<double>> cells(2, {found});
    write_record(paths.evaluation(seed, chain, false),
                 EvaluationRecord{name.empty() ? chain.name : name,
                                  samples,
                                  {{{64, 256}, {0.5}, cells, cells, samples}, {{"short", {{256}, {2.0}}}}}});
  }
  Results read() const { return read_results(paths, chains, false); }
};

}  // namespace

TEST_CASE("before and after are compared seed by seed, also where one seed lacks one of them") {
  RunDirectory run;
  run.evaluated(0, chains[0], 0.033);
  run.evaluated(1, chains[0], 0.5);
  run.evaluated(1, chains[1], 0.9);
  const Results results = run.read();
  CHECK(results.seeds == std::vector<std::uint64_t>{1});
  const Json summary = summary_of(results);
  REQUIRE(summary.at("seeds").size() == 1);
  CHECK(summary.at("seeds").item(0).at("seed").get<int>() == 1);
  CHECK(summary.at("seeds").item(0).at("before_beyond").get<double>() == 0.5);
  CHECK(summary.at("seeds").item(0).at("after").get<double>() == 0.9);
  CHECK(summary.at("needle").at("before_beyond").get<double>() == 0.5);
  CHECK(summary.at("chains").at("before").at("seeds").size() == 2);
  REQUIRE(results.missing.size() == 1);
  CHECK_THAT(results.missing[0], Contains("seed 0 has no evaluation of 'after'"));
  CHECK_THAT(summary.at("missing").item(0).get<std::string>(), Contains("seed 0"));
  CHECK_THAT(report_of(results).summary, Contains("(1 seed)") && Contains("50.0 %"));
  std::ostringstream said;
  print_results(said, results, false);
  CHECK_THAT(said.str(), Contains("missing: seed 0") && Contains("before, needles found (50.0 %"));
}

TEST_CASE("a directory counts as a seed's under its whole name alone") {
  RunDirectory run;
  for (const Chain& chain : chains) run.evaluated(0, chain, 0.5);
  for (const char* name : {"seed_0_backup", "seed_1_backup", "seed_00", "seed_", "seed_-1", "seed_+1", "seed_1 ",
                           "seed_18446744073709551616", "xseed_1", "Seed_1"})
    fs::copy(run.paths.seed(0), run.paths.out / name, fs::copy_options::recursive);
  replace_file(run.paths.out / "seed_2", "a file");
  const Results results = run.read();
  CHECK(results.seeds == std::vector<std::uint64_t>{0});
  CHECK(results.missing.empty());
  CHECK_THAT(report_of(results).summary, Contains("(1 seed)"));
  const std::uint64_t last = UINT64_MAX;
  fs::rename(run.paths.out / "seed_00", run.paths.seed(last));
  CHECK(run.read().seeds == std::vector<std::uint64_t>{0, last});
}

TEST_CASE("an evaluation under another's name, or of other samples, is not taken for what it is not") {
  RunDirectory run;
  for (const Chain& chain : chains) run.evaluated(0, chain, 0.5);
  run.evaluated(1, chains[0], 0.5);
  run.evaluated(1, chains[1], 0.5, 8);
  const Results results = run.read();
  CHECK(results.seeds == std::vector<std::uint64_t>{0, 1});
  REQUIRE(results.missing.size() == 1);
  CHECK_THAT(results.missing[0], Contains("'after' of seed 1") && Contains("8 needles in a cell, not 4"));
  run.evaluated(1, chains[1], 0.5, 4, "before");
  REQUIRE_THROWS_WITH(run.read(), Contains("is an evaluation of 'before', expected 'after'"));
}

TEST_CASE("without a whole pair there is no report, and the answer says what to do") {
  RunDirectory run;
  run.evaluated(0, chains[0], 0.5);
  run.evaluated(1, chains[1], 0.5);
  REQUIRE_THROWS_WITH(run.read(), Contains("no seed with an evaluation of both") && Contains("train"));
}

TEST_CASE("a record whose numbers a picture cannot show is refused") {
  RunDirectory run;
  run.evaluated(0, chains[0], 0.5);
  const fs::path file = run.paths.evaluation(0, chains[0], false);
  const auto record = read_record<EvaluationRecord>(file);
  for (const std::vector<int>& lengths : std::vector<std::vector<int>>{{256, 64}, {0, 64}, {64, 64}, {-1, 64}}) {
    EvaluationRecord wrong = record;
    wrong.evaluation.needle.lengths = lengths;
    write_record(file, wrong);
    CHECK_THROWS_WITH(read_record<EvaluationRecord>(file), Contains("do not fit together"));
  }
  EvaluationRecord wrong = record;
  wrong.evaluation.needle.exact[0][0] = 1.5;
  write_record(file, wrong);
  CHECK_THROWS_WITH(read_record<EvaluationRecord>(file), Contains("do not fit together"));
  wrong = record;
  wrong.evaluation.perplexity[0].curve.position_end = {0};
  write_record(file, wrong);
  CHECK_THROWS_WITH(read_record<EvaluationRecord>(file), Contains("do not fit together"));
}
