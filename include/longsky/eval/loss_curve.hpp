// longsky/eval/loss_curve.hpp — the losses of a run's stages, read back from its metrics.jsonl.
#pragma once

#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>

#include <cstdint>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

namespace longsky {

/// The losses of one stage.
struct LossCurve {
  std::string stage;
  int context = 0;  ///< tokens; 0 where it is not known
  std::vector<std::int64_t> steps;
  std::vector<double> losses;  ///< nats per token
};

/// The stages of a metrics.jsonl, in the order in which they ran. Lines that are no steps are passed over.
[[gnu::cold]] inline std::vector<LossCurve> read_loss_curves(const std::filesystem::path& metrics) {
  std::vector<LossCurve> curves;
  std::istringstream lines(read_file(metrics));
  for (std::string line; std::getline(lines, line);) {
    const Json record = Json::parse(line);
    const Json stage = record["stage"], step = record["step"], loss = record["loss"];
    if (!stage.is_string() || !step.is_number() || !loss.is_number()) continue;
    if (curves.empty() || curves.back().stage != stage.get<std::string>())
      curves.push_back({stage.get<std::string>(), record["seq_len"].get_or(0), {}, {}});
    curves.back().steps.push_back(step.get<std::int64_t>());
    curves.back().losses.push_back(loss.get<double>());
  }
  return curves;
}

}  // namespace longsky
