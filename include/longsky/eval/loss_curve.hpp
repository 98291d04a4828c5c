// longsky/eval/loss_curve.hpp — the losses of a run's stages, read back from its metrics.jsonl.
#pragma once

#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>
#include <longsky/core/sealed_json.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace longsky {

/// The losses of one stage.
struct LossCurve {
  std::string stage;
  int context = 0;  ///< tokens; 0 where it is not known
  std::vector<std::int64_t> steps;
  std::vector<double> losses;  ///< nats per token
};

/// The stages of a metrics.jsonl, in the order in which they ran. Lines that are no steps (headers, other figures,
/// losses that are no numbers) are passed over; of lines that are damaged or name a step that no run has, `say` gets a
/// sentence.
[[gnu::cold]] inline std::vector<LossCurve> read_loss_curves(const std::filesystem::path& metrics,
                                                             const std::function<void(const std::string&)>& say) {
  constexpr auto last_step = std::int64_t{1} << 53;  // doubles, which pictures are drawn with, count so far
  std::vector<LossCurve> curves;
  DamagedLines damaged(metrics);
  int number = 0;
  for_each_sealed_line(read_file(metrics), [&](std::string_view, const Json& record, const std::string& problem) {
    ++number;
    if (!record.is_object()) return damaged.add(number, problem);
    const Json stage = record["stage"], step = record["step"], loss = record["loss"];
    if (!stage.is_string() || !step.is_number() || !loss.is_number()) return;
    const auto at = step.get_or<std::int64_t>(0);
    if (at < 1 || at > last_step)
      return damaged.add(number, "it is of step " + step.text() + ", and steps count from 1");
    if (curves.empty() || curves.back().stage != stage.get<std::string>())
      curves.push_back({stage.get<std::string>(), record["seq_len"].get_or(0), {}, {}});
    curves.back().steps.push_back(at);
    curves.back().losses.push_back(loss.get<double>());
  });
  if (damaged.any() && say) say(damaged.sentence());
  return curves;
}

}  // namespace longsky
