// longsky/train/step_state.hpp — the numbers of one step, in the device's memory: what is summed, judged and obeyed
// there.
//
//   loss = sum of losses / trained,  norm = sqrt(sum of squares) / trained
//   gradient_scale = clip(norm) / trained, or nothing is changed: a spike, not a number, or nothing was trained
#pragma once

#include <longsky/core/config.hpp>
#include <longsky/spec/adamw.hpp>
#include <longsky/train/spike_guard.hpp>

#include <cmath>
#include <cstdint>

namespace longsky {

/// What the host knows of a step before the device has done it.
struct StepPlan {
  StepScale scale;           ///< but for the gradient's scale
  std::int64_t trained = 0;  ///< tokens, all passes
  SpikeGuard guard;          ///< as the step before left it
};

/// What the device makes of it.
struct StepState {
  StepPlan plan;
  double losses = 0, squares = 0;  ///< sums
  double loss = 0, norm = 0;       ///< means over trained tokens
  Verdict verdict = Verdict::accepted;
};

/// A step begins.
struct BeginStep {
  StepState* state;
  LONGSKY_HD void operator()() const { state->losses = 0; }
};

/// Its passes are through.
struct PlanUpdate {
  StepState* state;
  StepPlan plan;
  LONGSKY_HD void operator()() const { state->plan = plan; }
};

/// Its gradient is summed: may it change the weights, and by how much?
template <class Optimizer>
struct JudgeStep {
  StepState* state;
  LONGSKY_HD void operator()() const {
    StepState& s = *state;
    const double per_token = s.plan.trained > 0 ? 1.0 / static_cast<double>(s.plan.trained) : 0.0;
    s.loss = s.losses * per_token;
    s.norm = std::sqrt(s.squares) * per_token;
    s.verdict = s.plan.guard.judge(s.plan.trained, s.loss, s.norm);
    s.plan.scale.gradient_scale = static_cast<float>(per_token * static_cast<double>(Optimizer::clip(s.norm)));
    s.plan.scale.skip = s.verdict != Verdict::accepted;
  }
};

}  // namespace longsky
