// longsky/program/stage_run.hpp — one stage from its first step, or from its newest checkpoint, to its last.
//
// Whatever happens in between (a signal, a kill, a full disk), the next call goes on from a whole checkpoint and ends
// with the same bits.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/json.hpp>
#include <longsky/core/signals.hpp>
#include <longsky/io/checkpoint.hpp>
#include <longsky/program/build.hpp>
#include <longsky/program/identity.hpp>
#include <longsky/program/paths.hpp>
#include <longsky/spec/cost.hpp>
#include <longsky/train/metrics.hpp>
#include <longsky/train/progress.hpp>
#include <longsky/train/trainer.hpp>
#include <longsky/train/weights.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace longsky {

/// What a stage did, over all the processes that worked on it.
struct StageFigures {
  std::int64_t tokens = 0;
  double flops = 0;
  double seconds = 0;  ///< in training steps
  std::int64_t steps = 0;
  std::int64_t skipped = 0;  ///< steps that were spikes
  std::int64_t empty = 0;    ///< steps in which no token was trained

  static void fields(auto& figures, auto&& field) {
    field("tokens", figures.tokens);
    field("flops", figures.flops);
    field("seconds", figures.seconds);
    field("steps", figures.steps);
    field("skipped", figures.skipped);
    field("empty", figures.empty);
  }

  StageFigures& operator+=(const StageFigures& more) {
    tokens += more.tokens;
    flops += more.flops;
    seconds += more.seconds;
    steps += more.steps;
    skipped += more.skipped;
    empty += more.empty;
    return *this;
  }
};

/// What the state.json of a stage's checkpoint is. Another number is another meaning of its fields.
inline constexpr int stage_state_format = 3;

/// The state of a checkpoint that run_stage wrote. Throws Error(corrupt) where another longsky wrote it.
[[gnu::cold]] inline Json checked_stage_state(Json state, const CheckpointInfo& info) {
  const int format = state["format"].get_or(1);
  if (format != stage_state_format)
    throw Error(ExitCode::corrupt, "the checkpoint " + info.directory.string() + " is of another version of longsky (" +
                                       std::to_string(format) + ", expected " + std::to_string(stage_state_format) +
                                       "); go on with the program that wrote it, or use another --out");
  return state;
}

/// What the stage of a checkpoint did up to it. Reads no tensor.
inline StageFigures read_stage_figures(const CheckpointInfo& info) {
  return checked_stage_state(read_checkpoint_state(info), info).at("figures").get<StageFigures>();
}

/// When to write checkpoints.
struct CheckpointPolicy {
  int every = 200;     ///< steps, 0: never
  double minutes = 2;  ///< 0: never
  int keep = 2;
};

/// What a stage run asks of the program around it.
struct StageHooks {
  std::function<void(const StepReport&, double flops)> after_step;  ///< shows progress
  std::function<bool()> should_stop;                                ///< a signal or the end of the time
  std::function<void(const std::string&)> say;                      ///< a sentence for the user
};

/// What of a run the checkpoints hold, tensor by tensor.
struct StageTensors {
  std::vector<TensorRef> model, moments;
};

/// The weights of `R`, and the optimizer's moments under the weights' names with `.m` and `.v`.
template <Recipe R>
StageTensors stage_tensors(std::span<float> weights, const auto& optimizer) {
  StageTensors tensors{named_tensors<R>(weights), named_tensors<R>(optimizer.m.host())};
  for (TensorRef& t : tensors.moments) t.name += ".m";
  for (TensorRef& t : named_tensors<R>(optimizer.v.host())) {
    t.name += ".v";
    tensors.moments.push_back(t);
  }
  return tensors;
}

/// Goes through the steps of `trainer` in `directory`; its weights come in as they start and go out as they end.
/// Throws Error(stopped) after a checkpoint when `should_stop` says so, Error(usage) for a checkpoint of another run.
[[gnu::cold]] inline StageFigures run_stage(StageLoop& trainer, const StageTensors& tensors, const ModelSpec& model,
                                            const std::filesystem::path& directory, const StageIdentity& identity,
                                            const CheckpointPolicy& policy, const Json& header, double peak_flops,
                                            const StageHooks& hooks) {
  using Clock = std::chrono::steady_clock;
  const StageSpec& stage = trainer.stage();
  StageFigures figures;
  if (const auto info = newest_checkpoint(directory, hooks.say)) {
    const Json found = checked_stage_state(read_checkpoint_state(*info), *info);  // before a weight changes
    require_same(info->directory, found["identity"], identity);
    const Json state = read_checkpoint(*info, tensors.model, tensors.moments);
    trainer.restore({state.at("step").get<int>(), state.at("tokens").get<std::int64_t>(),
                     state.at("trained").get<std::int64_t>(), state.at("guard").get<SpikeGuard>()});
    figures = state.at("figures").get<StageFigures>();
    hooks.say("resuming " + std::string(stage.name) + " at step " + std::to_string(trainer.step()) + " from " +
              info->directory.string());
  }
  MetricsLog metrics(directory, header, trainer.step(), wall_clock(), hooks.say);

  const auto state = [&] {
    const auto s = trainer.state();
    return Json::object({{"format", stage_state_format},
                         {"identity", identity},
                         {"build", build_text()},
                         {"stage", stage.name},
                         {"step", s.step},
                         {"tokens", s.tokens},
                         {"trained", s.trained},
                         {"guard", s.guard},
                         {"figures", figures}});
  };
  auto last_save = Clock::now();
  const auto save = [&] {
    trainer.publish();
    metrics.sync();  // what a checkpoint counts is on the disk before it
    write_checkpoint(directory, trainer.step(), tensors.model, tensors.moments, state(), policy.keep);
    last_save = Clock::now();
  };

  int saved_at = trainer.step();
  bool due = false;
  const auto stop = [&] {
    if (trainer.step() != saved_at) save();
    return Error(ExitCode::stopped, "stopped at step " + std::to_string(trainer.step()) + " of stage " + stage.name +
                                        "; the same command goes on from there");
  };
  while (!trainer.done()) {
    if (hooks.should_stop()) throw stop();
    StepReport report;
    try {
      report = trainer.next();
    } catch (const Error& error) {
      if (error.code() != ExitCode::stopped) throw;
      throw stop();  // in the middle of a step, which is done again
    }
    const double flops = training_flops(model, static_cast<double>(report.tokens) / stage.context, stage.context,
                                        static_cast<double>(report.trained))
                             .total();
    figures.tokens += report.tokens;
    figures.flops += flops;
    figures.seconds += report.seconds;
    ++figures.steps;
    figures.skipped += report.skipped;
    figures.empty += report.trained == 0;
    metrics.write({.step = report.step,
                   .stage = stage.name,
                   .tokens = trainer.tokens(),
                   .trained = report.trained,
                   .skipped = report.skipped,
                   .loss = report.loss,
                   .lr = report.lr,
                   .grad_norm = report.gradient_norm,
                   .tok_s = static_cast<double>(report.tokens) / report.seconds,
                   .mfu = flops / report.seconds / peak_flops,
                   .mem_peak = peak_memory(),
                   .data_wait_ms = report.wait_seconds * 1e3,
                   .seq_len = stage.context});
    if (report.skipped)
      hooks.say("step " + std::to_string(report.step) + " of " + stage.name + " was a spike and was skipped");
    hooks.after_step(report, flops);
    const double minutes = std::chrono::duration<double>(Clock::now() - last_save).count() / 60;
    due |= (policy.every > 0 && report.step % policy.every == 0) || (policy.minutes > 0 && minutes >= policy.minutes);
    // Not while it skips: a run that ends for that leaves a checkpoint from before the first spike.
    if (due && !report.skipped && !trainer.done()) {
      save();
      saved_at = trainer.step();
      due = false;
    }
  }
  metrics.sync();
  write_named_checkpoint(directory, finished_checkpoint, trainer.step(), tensors.model, tensors.moments, state());
  return figures;
}

}  // namespace longsky
