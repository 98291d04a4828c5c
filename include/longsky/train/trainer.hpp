// longsky/train/trainer.hpp — one stage, one optimizer step at a time. The loop around it is the user's.
//
//   gradient = sum over passes of d(sum of losses) / (trained tokens of all passes);  clip;  AdamW
//
// Step s of a stage is a pure function of (recipe, seed, s, weights, optimizer state).
//
// StageLoop does not depend on the types of the recipe and is compiled once; Trainer adds the network and the data.
#pragma once

#include <longsky/core/buffer.hpp>
#include <longsky/core/error.hpp>
#include <longsky/data/batch.hpp>
#include <longsky/data/prefetch.hpp>
#include <longsky/nn/decoder.hpp>
#include <longsky/optim/schedule.hpp>
#include <longsky/train/recipe.hpp>
#include <longsky/train/spike_guard.hpp>
#include <longsky/train/weights.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace longsky {

/// What one step did.
struct StepReport {
  int step = 0;               ///< counts from 1
  double loss = 0;            ///< mean over trained tokens, nats
  double gradient_norm = 0;   ///< before clipping
  double lr = 0;
  std::int64_t tokens = 0;    ///< tokens that went through the network
  std::int64_t trained = 0;   ///< tokens whose prediction was trained
  double wait_seconds = 0;    ///< spent waiting for data
  double seconds = 0;
  bool skipped = false;       ///< the spike guard left the weights as they were
};

/// What may be swept without a rebuild.
struct StageChanges {
  int steps = 0;                     ///< 0: the spec's
  double lr_scale = 1;
  std::optional<RopeSpec> position;  ///< instead of the stage's own
};

/// The steps of one stage: data, spike guard, figures. What a network does in a step is the Trainer's.
class StageLoop {
 public:
  virtual ~StageLoop() = default;
  StageLoop(const StageLoop&) = delete;
  StageLoop& operator=(const StageLoop&) = delete;

  int steps() const { return changes_.steps; }
  int step() const { return step_; }
  bool done() const { return step_ >= steps(); }
  std::int64_t tokens() const { return tokens_; }
  const StageSpec& stage() const { return spec_; }

  /// One optimizer step. Throws Error(diverged) when the loss is not finite; the weights are then untouched.
  StepReport next() {
    const auto start = std::chrono::steady_clock::now();
    if (!prefetch_) start_data();
    StepReport report{.step = step_ + 1};
    clear_gradients();
    double loss_sum = 0;
    for (int pass = 0; pass < spec_.accumulation; ++pass) {
      const auto asked = std::chrono::steady_clock::now();
      const Batch& batch = prefetch_->take();
      report.wait_seconds += seconds_since(asked);
      for (float loss : add_gradients(pass_of(batch))) loss_sum += loss;
      report.tokens += static_cast<std::int64_t>(batch.tokens.size());
      report.trained += batch.trained;
    }
    const double per_token = report.trained > 0 ? 1.0 / static_cast<double>(report.trained) : 0.0;
    report.loss = loss_sum * per_token;
    report.gradient_norm = std::sqrt(gradient_square()) * per_token;
    report.lr =
        spec_.lr * changes_.lr_scale * factor_(step_, {.steps = steps(), .warmup = spec_.warmup, .floor = spec_.floor});
    report.skipped = !guard_.accepts(report.loss, report.gradient_norm, step_ + 1, spec_.name);
    if (!report.skipped && report.trained > 0) update(report, per_token);
    ++step_;
    tokens_ += report.tokens;
    report.seconds = seconds_since(start);
    return report;
  }

  /// What a checkpoint must hold besides the weights.
  struct State {
    int step = 0;
    std::int64_t tokens = 0;
    SpikeGuard guard;
  };
  State state() const { return {step_, tokens_, guard_}; }

  /// Goes on from a saved state; costs the same for every step.
  void restore(const State& state) {
    step_ = state.step;
    tokens_ = state.tokens;
    guard_ = state.guard;
    prefetch_.reset();
  }

 protected:
  using Factor = double (*)(int step, const ScheduleSpec&);  // a schedule's

  StageLoop(const StageSpec& spec, const StageChanges& changes, Factor factor, int vocab)
      : spec_(spec), changes_(changes), factor_(factor), vocab_(vocab) {
    if (changes_.steps == 0) changes_.steps = spec_.steps;
  }
  /// The data thread uses what a derived class owns: end it before that goes.
  void stop_data() { prefetch_.reset(); }

 private:
  virtual void fill(Batch& batch, std::uint64_t first_index, double progress) const = 0;  // by the data thread
  virtual void clear_gradients() = 0;
  virtual std::span<const float> add_gradients(const Pass& pass) = 0;  // the losses of its tokens
  virtual double gradient_square() = 0;
  virtual void update(const StepReport& report, double per_token) = 0;

  static double seconds_since(std::chrono::steady_clock::time_point t) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - t).count();
  }

  static Pass pass_of(const Batch& batch) {
    return {batch.tokens, batch.targets, batch.documents, batch.positions, batch.context, nullptr};
  }

  // Pass p of the stage holds sequences [p * sequences, (p + 1) * sequences). Progress is the step's, so that a step cut
  // in more passes has the same sequences.
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
    const auto within = [&](const std::vector<std::int32_t>& array, int first, int end, const char* what, const char* remedy) {
      for (const std::int32_t x : array)
        if (x < first || x >= end)
          throw Error(ExitCode::failure, "longsky: the data of stage " + std::string(spec_.name) + " gave " + what +
                                             " " + std::to_string(x) + "; expected 0 to " + std::to_string(end - 1) +
                                             remedy);
    };
    within(batch.tokens, 0, vocab_, "token", ": encode with the model's own tokenizer");
    within(batch.targets, -1, vocab_, "token", ": encode with the model's own tokenizer");
    within(batch.positions, 0, spec_.position_count(), "position", ", or a larger .positions in its spec");
    for (std::size_t t = 1; t < batch.documents.size(); ++t)
      if (t % static_cast<std::size_t>(batch.context) != 0 && batch.documents[t] < batch.documents[t - 1])
        throw Error(ExitCode::failure, "longsky: the data of stage " + std::string(spec_.name) + " gave document " +
                                           std::to_string(batch.documents[t]) + " behind document " +
                                           std::to_string(batch.documents[t - 1]) +
                                           "; expected numbers that never fall");
  }

  StageSpec spec_;
  StageChanges changes_;
  Factor factor_;
  int vocab_;
  SpikeGuard guard_;
  int step_ = 0;
  std::int64_t tokens_ = 0;
  std::optional<Prefetch> prefetch_;
};

/// Trains `weights` on one stage of `R`. Holds the optimizer state, the activations and the data thread.
template <Recipe R, Stage S, class Device>
class Trainer final : public StageLoop {
 public:
  using Net = NetOf<R, typename S::Mask>;
  using Optimizer = typename R::Optimizer;
  static constexpr StageSpec spec = checked(S::spec, R::model);

  Trainer(Device& device, std::span<float> weights, const Corpus& corpus, std::uint64_t seed, StageChanges changes = {})
      : StageLoop(
            spec, changes, [](int step, const ScheduleSpec& s) -> double { return S::Schedule::factor(step, s); },
            R::model.vocab),
        device_(device),
        weights_(weights),
        data_(corpus),
        seed_(seed),
        gradients_(weights.size()),
        optimizer_(static_cast<std::int64_t>(weights.size())),
        groups_(Optimizer::template groups<LayoutOf<R>>()),
        decoder_(device, spec.tokens_per_pass(), changes.position.value_or(S::Position::spec), spec.position_count()) {}
  ~Trainer() override { stop_data(); }

  typename Optimizer::State& optimizer() { return optimizer_; }

 private:
  void fill(Batch& batch, std::uint64_t first_index, double progress) const override {
    fill_batch<typename S::Data, typename S::Objective, typename S::Mask>(batch, data_, seed_, stream_of(spec.name),
                                                                          first_index, progress);
  }
  void clear_gradients() override { fill_zero(device_, gradients_.span()); }
  std::span<const float> add_gradients(const Pass& pass) override {
    return decoder_.forward_backward(weights_, gradients_.span(), pass, 1.0f);
  }
  double gradient_square() override { return sum_of_squares(device_, gradients_.span()); }
  void update(const StepReport& report, double per_token) override {
    Optimizer::update(device_, groups_, weights_, optimizer_, gradients_.span(), static_cast<float>(report.lr),
                      report.step, static_cast<float>(per_token * Optimizer::clip(report.gradient_norm)));
  }

  Device& device_;
  std::span<float> weights_;
  typename S::Data data_;
  std::uint64_t seed_;
  Buffer<float> gradients_;
  typename Optimizer::State optimizer_;
  std::vector<typename Optimizer::Group> groups_;
  Decoder<Net, Device> decoder_;
};

}  // namespace longsky
