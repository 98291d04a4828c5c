// longsky/program/run.hpp — everything `train` does: the chains of every seed, their evaluations, the summary.
//
// Each stage of each chain is a directory; a finished one is never computed again, an unfinished one goes on from its
// newest checkpoint. So the same command, after any end, goes on where it was.
#pragma once

#include <longsky/core/crc32c.hpp>
#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>
#include <longsky/core/printable.hpp>
#include <longsky/eval/needle.hpp>
#include <longsky/eval/perplexity.hpp>
#include <longsky/io/directory_lock.hpp>
#include <longsky/program/chain.hpp>
#include <longsky/program/check_corpus.hpp>
#include <longsky/program/check_options.hpp>
#include <longsky/program/claim.hpp>
#include <longsky/program/describe.hpp>
#include <longsky/program/options.hpp>
#include <longsky/program/paths.hpp>
#include <longsky/program/results.hpp>
#include <longsky/program/stage_run.hpp>
#include <longsky/text/byte_pair.hpp>
#include <longsky/text/library.hpp>
#include <longsky/train/corpus.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace longsky {

/// The processor as the system names it.
[[gnu::cold]] inline std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

/// Calls `last` when a scope is left, in whatever way. What goes wrong then is not said: it would hide why.
template <class Last>
class AtEnd {
 public:
  explicit AtEnd(Last last) : last_(std::move(last)) {}
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;
  ~AtEnd() {
    try {
      last_();
    } catch (const std::exception&) {
    }
  }

 private:
  Last last_;
};

/// One invocation of `train` on a run directory.
template <Recipe R, class Device>
class Run {
 public:
  [[gnu::cold]] Run(Device& device, const RunOptions& options, std::string command)
      : device_(device),
        options_(options),
        command_(std::move(command)),
        paths_{options.out},
        stages_(outline<R>()),
        max_wall_(parse_duration(options.max_wall)),
        progress_(std::cout, progress_options(progress_style(options.progress), 1)) {
    check_options(options);
    for (StageOutline& stage : stages_)
      stage.spec =
          changed(stage.spec, {.steps = scaled_steps(stage.spec, options.scale), .lr_scale = options.lr_scale});
    chains_ = {short_chain(stages_), full_chain(stages_)};
    if (options.ablations)
      for (Chain& chain : ablation_chains(stages_)) chains_.push_back(std::move(chain));
  }

  /// Trains and evaluates every chain of every seed; writes summary.json. Throws Error; what is finished stays.
  [[gnu::cold]] void train() {
    require_memory();
    for (const Chain& chain : chains_)
      require_room_for_names(paths_.node(options_.seed, chain, chain.links.size()) / "checkpoints");
    require_writable(paths_.out);
    lock_directory();
    const AtEnd keep_time([this] { record_wall(); });
    load_corpus();
    require_memory();  // beside the books
    say_books();
    claim_directory();
    save_tokenizer();
    stop_if_asked("before the first step");
    peak_ = peak_flops<typename R::Precision>(device_);
    progress_.message("peak measured at start: " + std::to_string(static_cast<std::int64_t>(peak_ / 1e9)) +
                      " GFLOP/s on " + device_.description());
    write_run_json();
    plan_work();
    for (int s = 0; s < options_.seeds; ++s) {
      const std::uint64_t seed = options_.seed + static_cast<std::uint64_t>(s);
      for (const Chain& chain : chains_) {
        Weights<R> weights(seed);
        train_chain(seed, chain, weights);
        evaluate(seed, chain, weights);
        write_run_json();
      }
    }
    report();
  }

  /// Evaluates the finished chains of every seed again, with the samples and the grid that the options ask for.
  void evaluate_again() {
    require_begun();
    require_writable(paths_.out);
    for (int s = 0; s < options_.seeds; ++s)
      for (const Chain& chain : chains_)
        require_finished(options_.seed + static_cast<std::uint64_t>(s), chain, chain.links.size());
    lock_directory();
    const AtEnd keep_time([this] { record_wall(); });
    load_corpus();
    say_books();
    claim_directory();
    total_ = evaluation_flops() * options_.seeds * static_cast<double>(chains_.size());
    for (int s = 0; s < options_.seeds; ++s)
      for (const Chain& chain : chains_) {
        Weights<R> weights(options_.seed + static_cast<std::uint64_t>(s));
        load_finished(options_.seed + static_cast<std::uint64_t>(s), chain, chain.links.size(), weights);
        evaluate(options_.seed + static_cast<std::uint64_t>(s), chain, weights, /*again=*/true);
      }
    report();
  }

  /// Writes summary and report from the files of the run, and prints the heat maps.
  /// On the development grid it only prints: what settings are chosen by is not what is reported.
  [[gnu::cold]] void report() {
    progress_.finish();
    require_begun();
    if (!options_.development) lock_directory();
    record_wall();  // the report shows it
    const Results all = read_results(paths_, chains_, options_.development);
    print_results(std::cout, all, progress_options(ProgressStyle::automatic, 1).colour);
    if (options_.development) return;
    write_results(paths_, all);
    std::cout << "report: " << printable((paths_.out / "report.html").string()) << '\n';
  }

  const Corpus& corpus() const { return corpus_; }
  const std::vector<Chain>& chains() const { return chains_; }

  /// The rotary positions the model at the end of `chain` was trained with.
  RopeSpec final_position(const Chain& chain) const { return position_of(chain.links.back()); }

  /// Reads the books, and the run's tokenizer or makes one; writes nothing. Throws Error for a corpus that the recipe
  /// cannot be trained and evaluated on.
  [[gnu::cold]] void load_corpus() {
    const Library library = read_library(options_.corpus);
    const std::vector<Book>& books = library.books;
    held_out_ = book_meant(books, options_.held_out).name;
    not_read_ = library.not_read;
    for (const Book& book : books) books_crc_ = crc32c(book.text, crc32c(book.name, books_crc_));
    tokenizer_ = name_is_taken(paths_.run_json()) && name_is_taken(paths_.tokenizer())
                     ? BytePair::load(paths_.tokenizer())
                     : make_tokenizer(books, held_out_, R::model.vocab);
    if (tokenizer_.vocab() != R::model.vocab)
      throw Error(ExitCode::corrupt, "the tokenizer " + paths_.tokenizer().string() + " has " +
                                         std::to_string(tokenizer_.vocab()) + " tokens, the model has " +
                                         std::to_string(R::model.vocab) + "; use another --out");
    corpus_ = make_corpus(tokenizer_, books, held_out_, /*seed=*/0);
    for (const TokenDocument& book : corpus_.documents) books_ += (books_.empty() ? "" : ", ") + book.name;
    check_corpus<R>(corpus_, options_.development, options_.seed);
  }

  /// Throws Error(usage) where no run has begun: said before the books are read.
  void require_begun() const { require_run(paths_); }

  /// Where the first `links` stages of `chain` ended. Throws Error(usage) when they are not finished.
  [[gnu::cold]] std::filesystem::path require_finished(std::uint64_t seed, const Chain& chain,
                                                       std::size_t links) const {
    const auto directory = paths_.node(seed, chain, links) / "checkpoints" / finished_checkpoint;
    if (!name_is_taken(directory))
      throw Error(ExitCode::usage, "there is no finished model in " + directory.string() + "; run train first");
    return directory;
  }

  /// What the first `links` stages of `chain` ended with. Throws Error(usage) when they are not finished, or are of
  /// another recipe, place or, once the corpus is loaded, tokenizer: that is what weights mean. With which options and
  /// books they were trained is compared where a run goes on.
  [[gnu::cold]] CheckpointInfo finished_of(std::uint64_t seed, const Chain& chain, std::size_t links) const {
    const CheckpointInfo info = open_checkpoint(require_finished(seed, chain, links));
    std::vector<Json::Member> run{{"recipe", describe<R>()}};
    if (!held_out_.empty()) run.push_back({"tokenizer", checksum_of(tokenizer_)});
    require_same(info.directory, checked_stage_state(read_checkpoint_state(info), info)["identity"],
                 Json::object({{"run", Json::object(run)}, {"seed", seed}, {"stages", chain.directory(links)}}));
    return info;
  }

  /// Loads what the first `links` stages of `chain` ended with. Throws Error(usage) when they are not finished.
  [[gnu::cold]] void load_finished(std::uint64_t seed, const Chain& chain, std::size_t links,
                                   Weights<R>& weights) const {
    read_checkpoint(finished_of(seed, chain, links), named_tensors<R>(weights.span()), {});
  }

  /// Needle grid of the weights at the end of `chain`, and the perplexity after each of its stages.
  [[gnu::cold]] Evaluation measure(std::uint64_t seed, const Chain& chain, std::span<float> weights) {
    const RopeSpec rope = final_position(chain);
    Reader<R, Device> reader(device_, weights, rope, R::model.context);
    const NeedleGridSpec cells{.lengths = doubling_lengths(stages_[0].spec.context, R::model.context),
                               .samples = options_.samples};
    const std::int64_t needles = static_cast<std::int64_t>(cells.lengths.size() * cells.depths.size()) * cells.samples;
    const double per_sample = evaluation_flops() / static_cast<double>(needles);
    std::int64_t sample = 0;
    Evaluation result;
    result.needle = needle_grid(reader, corpus_, cells, seed, options_.development, [&] {
      done_ += per_sample;
      worked_ = true;
      show("needles: " + chain.name, ++sample, needles);
      stop_if_asked("while evaluating");
    });
    for (std::size_t n = 1; n <= chain.links.size(); ++n) {
      Weights<R> at_stage(seed);
      load_finished(seed, chain, n, at_stage);
      const Link& link = chain.links[n - 1];
      constexpr int windows = 24, bins = 16;
      int window = 0;
      result.perplexity.push_back(
          {link.name, perplexity_by_position<R>(device_, at_stage.span(), position_of(link), haystack().tokens,
                                                R::model.context, windows, bins, [&] {
                                                  show("perplexity: " + link.name, ++window, windows);
                                                  stop_if_asked("while evaluating");
                                                })});
    }
    return result;
  }

 private:
  RopeSpec position_of(const Link& link) const { return link.position.value_or(stages_[link.stage].position); }

  using Clock = std::chrono::steady_clock;

  std::int64_t training_tokens() const {
    std::int64_t sum = 0;
    for (const TokenDocument& book : corpus_.documents) sum += static_cast<std::int64_t>(book.tokens.size());
    return sum;
  }
  const TokenDocument& haystack() const { return options_.development ? corpus_.development : corpus_.held_out; }
  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  // Not before this process has done something: a limit shorter than the start-up would otherwise never get further.
  bool should_stop() const { return stop_requested() || (max_wall_ > 0 && elapsed() > max_wall_ && worked_); }
  void stop_if_asked(const char* where) const {
    if (should_stop())
      throw Error(ExitCode::stopped, "stopped " + std::string(where) + "; the same command goes on from there");
  }

  [[gnu::cold]] void require_memory() const {
    const std::int64_t needed = largest_plan<R, Device>(device_.threads());
    if (needed > device_.memory_bytes())
      throw Error(ExitCode::does_not_fit, "the recipe needs " + words::bytes(needed) + " of memory and " +
                                              memory_there(device_) +
                                              "; the plan command lists what for. Use a larger device, fewer "
                                              "sequences a pass, or RecomputeBlocks");
    const std::int64_t of_host = largest_host_plan<R, Device>();
    if (of_host > 0 && of_host > memory_given().bytes)
      throw Error(ExitCode::does_not_fit, "the recipe needs " + words::bytes(of_host) + " of the host's memory and " +
                                              host_memory() +
                                              "; the plan command lists what for. Give the program more memory, or "
                                              "train a smaller model");
  }

  [[gnu::cold]] void say_books() {
    for (const std::string& sentence : not_read_) progress_.message(sentence);
    progress_.message(std::to_string(corpus_.documents.size() + 1) + " books, " + words::grouped(training_tokens()) +
                      " tokens to train on, " +
                      words::grouped(static_cast<std::int64_t>(corpus_.held_out.tokens.size())) +
                      " held out, of the book " + printable(held_out_));
  }

  RunIdentity identity() const {
    return {describe<R>(), options_.scale, options_.lr_scale, books_crc_, held_out_, checksum_of(tokenizer_)};
  }

  // Nobody else writes into the directory from here on. One that is not there yet is locked when it is made.
  [[gnu::cold]] void lock_directory() {
    std::error_code error;
    if (lock_ || !std::filesystem::is_directory(paths_.out, error)) return;
    lock_.emplace(paths_.out);
    if (!lock_->held())
      progress_.message("the file system of " + paths_.out.string() +
                        " has no locks: see that no other process writes there");
  }

  // Writes nothing unless everything there is this run's: what is refused must not be bound to what it was refused for.
  [[gnu::cold]] void claim_directory() {
    make_directories(paths_.out);
    lock_directory();
    const RunIdentity here = identity();
    std::optional<RunRecord> record;
    if (name_is_taken(paths_.run_json())) {
      record = read_record<RunRecord>(paths_.run_json());
      if (const std::string other = difference(record->identity, here); !other.empty())
        throw Error(ExitCode::usage, "the directory " + paths_.out.string() + " holds a run with " + other +
                                         "; give the options and books it was started with, or another --out");
    }
    const auto stages = stage_directories(paths_, chains_, here);
    if (const std::string builds = check_checkpoints(stages); !builds.empty()) progress_.message(builds);
    record_ = record;
    if (!lock_->held()) return;
    remove_stale_temporaries(paths_.out / ".");  // the directory itself may be reached by a link
    for (const StageDirectory& stage : stages) remove_stale_temporaries(stage.path);
  }

  void save_tokenizer() const {
    if (!name_is_taken(paths_.run_json())) tokenizer_.save(paths_.tokenizer());
  }

  // Written once the corpus has been read, so that a wrong corpus does not bind the directory to it.
  void write_run_json() {
    record_ = RunRecord{identity(),       0,        peak_,  device_.description(),
                        processor_name(), command_, books_, stages_[0].spec.context,
                        R::model.context};
    record_wall();
  }

  // Adds the time since this was last done to run.json, where there is one: whatever ends an invocation, its time
  // counts.
  [[gnu::cold]] void record_wall() {
    if (!record_ && !stop_requested()) return;  // refused: this run is not ours
    RunRecord run = record_ ? *record_ : RunRecord();
    if (name_is_taken(paths_.run_json())) {
      const auto there = read_record<RunRecord>(paths_.run_json());
      if (!record_) run = there;
      run.wall_s = there.wall_s;
    } else if (!record_) {
      return;
    }
    const double now = elapsed();
    run.wall_s += now - recorded_;
    write_record(paths_.run_json(), run);
    recorded_ = now;
  }

  double stage_flops(std::size_t stage) const {
    // What is trained is known only when it is drawn; for the progress bar all tokens of a pretraining stage are.
    const StageSpec& spec = stages_[stage].spec;
    const double tokens = static_cast<double>(spec.tokens_per_step()) * spec.steps;
    const double trained = stages_[stage].trains_prompts ? tokens : 0.05 * tokens;
    return training_flops(R::model, tokens / spec.context, spec.context, trained).total();
  }

  [[gnu::cold]] double evaluation_flops() const {
    double sum = 0;
    for (int length : doubling_lengths(stages_[0].spec.context, R::model.context))
      sum += 6.0 * options_.samples * forward_flops(R::model, 1, length, 0).total();
    return 3 * sum;  // short passes and one-token steps run slower than training does
  }

  [[gnu::cold]] void plan_work() {
    total_ = done_ = 0;
    std::set<std::string> nodes;
    for (int s = 0; s < options_.seeds; ++s)
      for (const Chain& chain : chains_) {
        for (std::size_t n = 1; n <= chain.links.size(); ++n)
          if (nodes.insert(paths_.node(options_.seed + static_cast<std::uint64_t>(s), chain, n).string()).second)
            total_ += stage_flops(chain.links[n - 1].stage);
        total_ += evaluation_flops();
      }
  }

  void show(const std::string& what, std::int64_t step, std::int64_t steps, const StepReport* report = nullptr,
            double flops = 0) {
    progress_.update({.stage = what,
                      .step = step,
                      .steps = steps,
                      .trains = report != nullptr,
                      .loss = report ? report->loss : 0,
                      .grad_norm = report ? report->gradient_norm : 0,
                      .tokens_per_s = report ? static_cast<double>(report->tokens) / report->seconds : 0,
                      .fraction_of_peak = report ? flops / report->seconds / peak_ : 0,
                      .memory = peak_memory(),
                      .run_fraction = std::min(1.0, done_ / total_)},
                     elapsed());
    constexpr double seconds = 10;  // of its time a run that is killed may lose
    if (elapsed() - recorded_ > seconds) record_wall();
  }

  bool finished(const std::filesystem::path& node) const {
    return name_is_taken(node / "checkpoints" / finished_checkpoint / "COMPLETE");
  }

  [[gnu::cold]] void train_chain(std::uint64_t seed, const Chain& chain, Weights<R>& weights) {
    for (std::size_t n = 1; n <= chain.links.size(); ++n) {
      const Link& link = chain.links[n - 1];
      const std::filesystem::path node = paths_.node(seed, chain, n);
      const double flops_of_all = stage_flops(link.stage);
      const bool first_visit = visited_.insert(node.string()).second;
      if (finished(node)) {
        load_finished(seed, chain, n, weights);
        if (first_visit) done_ += flops_of_all;
        continue;
      }
      const int steps = stages_[link.stage].spec.steps;
      const StageHooks hooks{
          .after_step =
              [&](const StepReport& report, double flops) {
                done_ += flops_of_all / steps;
                worked_ = true;
                show(label(seed, link.name), report.step, steps, &report, flops);
              },
          .should_stop = [&] { return should_stop(); },
          .say = [&](const std::string& sentence) { progress_.message(sentence); },
      };
      const StageChanges changes{.steps = steps, .lr_scale = options_.lr_scale, .position = link.position};
      const StageIdentity here{identity(), seed, chain.directory(n)};
      for_each_stage<R>([&]<class S>(std::size_t i) {
        if (i != link.stage) return;
        Trainer<R, S, Device> trainer(device_, weights.span(), corpus_, seed, changes);
        train_stage(trainer, stage_tensors<R>(weights.span(), trainer.optimizer()), node, here, hooks);
      });
      write_run_json();
    }
  }

  void train_stage(StageLoop& trainer, const StageTensors& tensors, const std::filesystem::path& node,
                   const StageIdentity& identity, const StageHooks& hooks) {
    run_stage(trainer, tensors, R::model, node, identity,
              {options_.checkpoint_every, options_.checkpoint_minutes, options_.keep},
              Json::object({{"command", command_}}), peak_, hooks);
  }

  std::string label(std::uint64_t seed, const std::string& what) const {
    return options_.seeds > 1 ? "seed " + std::to_string(seed) + " " + what : what;
  }

  // Whether an evaluation of as many samples is there. One that is damaged is made again.
  [[gnu::cold]] bool evaluated(const std::filesystem::path& path) {
    if (!name_is_taken(path)) return false;
    try {
      return read_record<EvaluationRecord>(path).samples == options_.samples;
    } catch (const Error& damage) {
      progress_.message(damage.what());
      return false;
    }
  }

  [[gnu::cold]] void evaluate(std::uint64_t seed, const Chain& chain, Weights<R>& weights, bool again = false) {
    const std::filesystem::path path = paths_.evaluation(seed, chain, options_.development);
    if (!again && evaluated(path)) {
      done_ += evaluation_flops();
      return;
    }
    const Evaluation found = measure(seed, chain, weights.span());
    write_record(path, EvaluationRecord{chain.name, options_.samples, found});
    progress_.message(label(seed, chain.name) + ": needles found " + results::percent(found.needle.mean_exact()) +
                      ", beyond " + std::to_string(2 * stages_[0].spec.context) + " tokens " +
                      results::percent(found.needle.mean_exact(2 * stages_[0].spec.context)));
  }

  Device& device_;
  RunOptions options_;
  std::string command_;
  RunPaths paths_;
  std::vector<StageOutline> stages_;
  std::vector<Chain> chains_;
  double max_wall_;
  Progress progress_;
  Corpus corpus_;
  Clock::time_point start_ = Clock::now();
  double recorded_ = 0, peak_ = 1, total_ = 1, done_ = 0;
  std::optional<DirectoryLock> lock_;
  std::optional<RunRecord> record_;  // what run.json says, once this invocation may write it
  std::set<std::string> visited_;
  std::string books_, held_out_;
  std::vector<std::string> not_read_;
  std::uint32_t books_crc_ = 0;
  BytePair tokenizer_;
  bool worked_ = false;
};

}  // namespace longsky
