// longsky/train/trainer.hpp — one stage, one optimizer step at a time. The loop around it is the user's.
//
//   gradient = sum over passes of d(sum of losses) / (trained tokens of all passes);  clip;  AdamW
//
// Step s of a stage is a pure function of (recipe, seed, s, weights, optimizer state).
//
// In three, so that each is compiled no more often than it differs: StageLoop is plain; NetworkLoop knows the model,
// the mask and the device; Trainer adds the data of a stage.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/random.hpp>
#include <longsky/data/batch.hpp>
#include <longsky/data/prefetch.hpp>
#include <longsky/nn/decoder.hpp>
#include <longsky/nn/device.hpp>
#include <longsky/nn/mirror.hpp>
#include <longsky/optim/schedule.hpp>
#include <longsky/train/recipe.hpp>
#include <longsky/train/spike_guard.hpp>
#include <longsky/train/stage_changes.hpp>
#include <longsky/train/step_state.hpp>
#include <longsky/train/weights.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace longsky {

/// What one step did.
struct StepReport {
  int step = 0;              ///< counts from 1
  double loss = 0;           ///< mean over trained tokens, nats; not a number where none was trained
  double gradient_norm = 0;  ///< before clipping; likewise
  double lr = 0;
  std::int64_t tokens = 0;   ///< tokens that went through the network
  std::int64_t trained = 0;  ///< tokens whose prediction was trained
  double wait_seconds = 0;   ///< spent waiting for data
  double seconds = 0;
  bool skipped = false;  ///< the spike guard left the weights as they were
};

/// The steps of one stage: data, spike guard, figures. What a network does in a step is NetworkLoop's.
class StageLoop {
 public:
  virtual ~StageLoop() = default;
  StageLoop(const StageLoop&) = delete;
  StageLoop& operator=(const StageLoop&) = delete;

  int steps() const { return spec_.steps; }
  int step() const { return step_; }
  bool done() const { return step_ >= steps(); }
  std::int64_t tokens() const { return tokens_; }
  const StageSpec& stage() const { return spec_; }  ///< with its changes

  /// One optimizer step. Throws Error(diverged) when the loss is not finite, Error(stalled) when this would be the last
  /// of SpikeGuard::most_in_a_row skipped steps, Error(stopped) when a stop was asked for in one of its passes; the
  /// weights are then untouched, and the next call does this step again. Throws Error(usage) when the stage ends and no
  /// token of it was trained.
  StepReport next() {
    if (!queued_) {
      began_ = Clock::now();
      try {
        queued_ = queue_passes();
      } catch (...) {
        forget_passes();
        throw;
      }
    }
    StepReport report = *std::exchange(queued_, std::nullopt);
    report.step = step_ + 1;
    report.lr = spec_.lr * factor_(step_, {.steps = steps(), .warmup = spec_.warmup, .floor = spec_.floor});
    queue_update(report.lr, report.step, report.trained, guard_);
    if (runs_ahead_ && report.step < steps()) queue_ahead();
    const StepState done = updated();
    report.loss = done.loss;
    report.gradient_norm = done.norm;
    if (done.verdict == Verdict::not_finite) refuse(report, ExitCode::diverged);
    if (done.plan.guard.in_a_row >= SpikeGuard::most_in_a_row) refuse(report, ExitCode::stalled);
    if (done.verdict == Verdict::nothing_trained)
      report.loss = report.gradient_norm = std::numeric_limits<double>::quiet_NaN();
    guard_ = done.plan.guard;
    report.skipped = done.verdict == Verdict::spike;
    ++step_;
    tokens_ += report.tokens;
    trained_ += report.trained;
    if (this->done() && trained_ == 0)
      throw Error(ExitCode::usage, "stage " + std::string(spec_.name) + " is at its end after " +
                                       std::to_string(step_) +
                                       " steps and has trained no token: its objective trains "
                                       "none of the roles that its data gives; check both");
    report.seconds = seconds_since(began_);
    began_ = Clock::now();  // the device may be at the next step since before
    if (this->done()) publish();
    return report;
  }

  /// Brings weights and optimizer state from the device to the host's arrays; after the last step it is done already.
  void publish() {
    fetch();
    began_ = Clock::now();  // no step waited for it
  }

  /// What a checkpoint must hold besides the weights.
  struct State {
    int step = 0;
    std::int64_t tokens = 0, trained = 0;
    SpikeGuard guard;
  };
  State state() const { return {step_, tokens_, trained_, guard_}; }

  /// Goes on from a saved state, with what the host's arrays hold; costs the same for every step.
  void restore(const State& state) {
    step_ = state.step;
    tokens_ = state.tokens;
    trained_ = state.trained;
    guard_ = state.guard;
    forget_passes();
    send();
  }

 protected:
  using Factor = double (*)(int step, const ScheduleSpec&);  // a schedule's

  StageLoop(const StageSpec& spec, const StageChanges& changes, Factor factor, int vocab, bool runs_ahead)
      : spec_(changed(spec, changes)), factor_(factor), vocab_(vocab), runs_ahead_(runs_ahead) {}
  /// The data thread uses what a derived class owns: end it before that goes.
  void stop_data() { prefetch_.reset(); }

 private:
  virtual void fill(Batch& batch, std::uint64_t first_index, double progress) const = 0;  // by the data thread
  virtual void fetch() = 0;  // from the device to the host's arrays
  virtual void send() = 0;   // and back
  virtual void begin_step() = 0;
  virtual void add_gradients(const Pass& pass) = 0;
  virtual void queue_update(double lr, int step, std::int64_t trained, const SpikeGuard& guard) = 0;
  virtual StepState updated() = 0;  // waits for the update that was queued last

  using Clock = std::chrono::steady_clock;
  static double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

  // The gradient of the next step, as far as the host has a part in it.
  StepReport queue_passes() {
    if (!prefetch_) start_data();
    StepReport report;
    begin_step();
    for (int pass = 0; pass < spec_.accumulation; ++pass) {
      const auto asked = Clock::now();
      const Batch& batch = prefetch_->take();
      report.wait_seconds += seconds_since(asked);
      add_gradients(pass_of(batch));
      report.tokens += static_cast<std::int64_t>(batch.tokens.size());
      report.trained += batch.trained;
    }
    return report;
  }
  // Before the host waits for one step, it gives the device the passes of the next: they change no weight, so a
  // checkpoint in between is that of the step before. What goes wrong is said when that step is asked for.
  void queue_ahead() {
    try {
      queued_ = queue_passes();
    } catch (...) {
      forget_passes();
    }
  }
  void forget_passes() {
    queued_.reset();
    prefetch_.reset();  // begins again with the step that is asked for
  }

  // A step that cannot count: another one would begin as it did.
  [[noreturn, gnu::cold]] void refuse(const StepReport& report, ExitCode code) {
    forget_passes();
    const std::string at = " at step " + std::to_string(report.step) + " of stage " + spec_.name + " (loss " +
                           general_text(report.loss) + ", gradient norm " + general_text(report.gradient_norm) + "); ";
    if (code == ExitCode::diverged)
      throw Error(code, "the loss or the gradient is not a finite number" + at +
                            "the weights were left as they were before this step. The same command would come here "
                            "again: start with a smaller --lr-scale and another --out");
    throw Error(code, std::to_string(SpikeGuard::most_in_a_row) +
                          " steps in a row were spikes, each far above those before," + at +
                          "the weights were left as they were before the first of them. The same command would come "
                          "here again: look at the data of these steps, or start with a smaller --lr-scale, and "
                          "another --out");
  }

  static Pass pass_of(const Batch& batch) {
    return {batch.tokens, batch.targets, batch.documents, batch.positions, batch.context, nullptr};
  }

  // Pass p of the stage holds sequences [p * sequences, (p + 1) * sequences). Progress is the step's, so that a step
  // cut in more passes has the same sequences.
  void start_data() {
    const std::int64_t first = std::int64_t{step_} * spec_.accumulation;
    prefetch_.emplace(spec_.sequences, spec_.context, first, [this](Batch& batch, std::int64_t pass) {
      const double progress = static_cast<double>(pass / spec_.accumulation) / steps();
      fill(batch, static_cast<std::uint64_t>(pass) * static_cast<std::uint64_t>(spec_.sequences), progress);
      check(batch);
    });
  }

  // Tokens and positions are indices from here on, and a data policy may be the user's.
  void check(const Batch& batch) const {
    const auto within = [&](const std::vector<std::int32_t>& array, int first, int end, const char* what,
                            const char* remedy) {
      for (const std::int32_t x : array)
        if (x < first || x >= end)
          throw Error(ExitCode::failure, "the data of stage " + std::string(spec_.name) + " gave " + what + " " +
                                             std::to_string(x) + "; expected 0 to " + std::to_string(end - 1) + remedy);
    };
    within(batch.tokens, 0, vocab_, "token", ": encode with the model's own tokenizer");
    within(batch.targets, -1, vocab_, "token", ": encode with the model's own tokenizer");
    within(batch.positions, 0, spec_.position_count(), "position", ", or a larger .positions in its spec");
    for (std::size_t t = 1; t < batch.documents.size(); ++t)
      if (t % static_cast<std::size_t>(batch.context) != 0 && batch.documents[t] < batch.documents[t - 1])
        throw Error(ExitCode::failure, "the data of stage " + std::string(spec_.name) + " gave document " +
                                           std::to_string(batch.documents[t]) + " behind document " +
                                           std::to_string(batch.documents[t - 1]) +
                                           "; expected numbers that never fall");
  }

  StageSpec spec_;
  Factor factor_;
  int vocab_;
  bool runs_ahead_;
  std::optional<StepReport> queued_;  // of the step after step_, whose passes the device has
  Clock::time_point began_;
  SpikeGuard guard_;
  int step_ = 0;
  std::int64_t tokens_ = 0, trained_ = 0;
  std::optional<Prefetch> prefetch_;
};

/// A StageLoop's network under `Mask` on `Device`, with optimizer state and activations. Stages of one mask share it.
template <Recipe R, class Mask, longsky::Device Device>
class NetworkLoop : public StageLoop {
 public:
  using Precision = typename R::Precision;
  using Element = ElementOf<Device, Precision>;                                // the network's weights
  using Master = std::conditional_t<Precision::keeps_master, float, Element>;  // the optimizer's
  using Net = NetOf<R, Mask, Element>;
  using Optimizer = typename R::Optimizer;
  using OptimizerState = typename Optimizer::template State<Device, Master>;

  OptimizerState& optimizer() { return optimizer_; }

 protected:
  NetworkLoop(Device& device, std::span<float> weights, std::uint64_t seed, const StageSpec& spec,
              const StageChanges& changes, const RopeSpec& position, Factor factor)
      : StageLoop(spec, changes, factor, R::model.vocab, device.runs_ahead()),
        device_(device),
        rounding_seed_(seed ^ std::uint64_t{stream_of(spec.name)} << 32),
        master_(device, weights),
        network_weights_(device, std::is_same_v<Element, Master> ? std::span<float>() : weights),
        gradients_(weights.size()),
        optimizer_(device, static_cast<std::int64_t>(weights.size())),
        groups_(Optimizer::template groups<LayoutOf<R>>()),
        decoder_(device, spec.tokens_per_pass(), changes.position.value_or(position), spec.position_count()),
        step_state_(1),
        step_done_(device) {}

 private:
  void fetch() override {
    master_.fetch();
    optimizer_.m.fetch();
    optimizer_.v.fetch();
  }
  void send() override {
    master_.send();
    network_weights_.send();
    optimizer_.m.send();
    optimizer_.v.send();
  }
  void begin_step() override {
    run_once(device_, BeginStep{step_state_.data()});
    fill_zero(device_, gradients_.span());
  }
  void add_gradients(const Pass& pass) override {
    const Pass staged = decoder_.stage(pass);
    pass_.run(device_, key_of(staged), [&] {
      const auto losses = decoder_.forward_backward(seen_by_network(), gradients_.span(), staged, 1.0f);
      add_sum(device_, &step_state_.data()->losses, losses);
    });
  }
  void queue_update(double lr, int step, std::int64_t trained, const SpikeGuard& guard) override {
    StepState* const state = step_state_.data();
    StepPlan plan{Optimizer::scale(lr, step), trained, guard};
    plan.scale.seed = rounding_seed_;
    run_once(device_, PlanUpdate{state, plan});
    update_.run(device_, WorkKey{}, [&] {
      sum_of_squares(device_, &state->squares, gradients_.span());
      run_once(device_, JudgeStep<Optimizer>{state});
      Optimizer::update(device_, groups_, master_.span(), optimizer_, gradients_.span(), &state->plan.scale,
                        network_weights_.span().data());
    });
    step_done_.begin(state);
  }
  StepState updated() override { return step_done_.take(); }
  std::span<Element> seen_by_network() {
    if constexpr (std::is_same_v<Element, Master>)
      return master_.span();
    else
      return network_weights_.span();
  }

  Device& device_;
  std::uint64_t rounding_seed_;
  Mirror<Device, Master> master_;
  Mirror<Device, Element> network_weights_;  // empty where the network reads the master
  typename Device::template Array<float> gradients_;
  OptimizerState optimizer_;
  std::vector<typename Optimizer::Group> groups_;
  Decoder<Net, Device> decoder_;
  typename Device::template Array<StepState> step_state_;
  typename Device::template Readback<StepState> step_done_;
  typename Device::Recording pass_, update_;
};

/// Trains `weights`, the host's, on one stage of `R`.
template <Recipe R, Stage S, longsky::Device Device>
class Trainer final : public NetworkLoop<R, typename S::Mask, Device> {
 public:
  static constexpr StageSpec spec = checked(S::spec, R::model);

  Trainer(Device& device, std::span<float> weights, const Corpus& corpus, std::uint64_t seed, StageChanges changes = {})
      : NetworkLoop<R, typename S::Mask, Device>(
            device, weights, seed, spec, changes, S::Position::spec,
            [](int step, const ScheduleSpec& s) -> double { return S::Schedule::factor(step, s); }),
        data_(corpus),
        seed_(seed) {}
  ~Trainer() override { this->stop_data(); }

 private:
  void fill(Batch& batch, std::uint64_t first_index, double progress) const override {
    fill_batch<typename S::Data, typename S::Objective, typename S::Mask>(batch, data_, seed_, stream_of(spec.name),
                                                                          first_index, progress);
  }

  typename S::Data data_;
  std::uint64_t seed_;
};

}  // namespace longsky
