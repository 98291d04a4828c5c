// longsky/eval/loss_curve.hpp — the losses of a run's stages, read back from its metrics.jsonl.
#pragma once

#include <longsky/io/file.hpp>

#include <nlohmann/json.hpp>

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
    const nlohmann::json record = nlohmann::json::parse(line, nullptr, false);
    if (!record.is_object() || !record.contains("stage") || !record.contains("step") || !record.contains("loss"))
      continue;
    if (!record["stage"].is_string() || !record["step"].is_number() || !record["loss"].is_number()) continue;
    const auto stage = record["stage"].get<std::string>();
    if (curves.empty() || curves.back().stage != stage) {
      const auto context = record.find("seq_len");
      const bool known = context != record.end() && context->is_number();
      curves.push_back({stage, known ? context->get<int>() : 0, {}, {}});
    }
    curves.back().steps.push_back(record["step"].get<std::int64_t>());
    curves.back().losses.push_back(record["loss"].get<double>());
  }
  return curves;
}

}  // namespace longsky
