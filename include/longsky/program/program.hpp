// longsky/program/program.hpp — a recipe as a command: plan, describe, train, eval, generate, report.
#pragma once

#include <longsky/core/macros.hpp>

#include <longsky/core/printable.hpp>
#include <longsky/core/signals.hpp>
#include <longsky/core/standard_output.hpp>
#include <longsky/program/check_options.hpp>
#include <longsky/program/command_line.hpp>
#include <longsky/program/describe.hpp>
#include <longsky/program/options.hpp>
#include <longsky/program/run.hpp>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longsky {

/// Options of `generate` alone.
struct GenerateOptions {
  std::string prompt;
  int tokens = 64;
  double temperature = 0;
  std::string model = "after";
};
inline constexpr OptionText generate_option_texts[] = {
    {"prompt", "Generation", "the text to go on from; - reads it from standard input", /*may_be_empty=*/true},
    {"tokens", "Generation", "tokens to write at the most"},
    {"temperature", "Generation", "0: always the likeliest token"},
    {"model", "Generation", "which model of the run: after, before, …"},
};

}  // namespace longsky

BOOST_HANA_ADAPT_STRUCT(longsky::GenerateOptions, prompt, tokens, temperature, model);

namespace longsky {

namespace command {

inline std::string joined(int argc, char** argv) {
  std::string line;
  for (int i = 0; i < argc; ++i) line += (i ? " " : "") + std::string(argv[i]);
  return line;
}

/// Text of a model as it comes: on a terminal nothing but text, to a file or a pipe its bytes.
class GeneratedText {
 public:
  void write(std::string_view piece) {
    std::cout << (terminal_ ? shown_.next(piece) : std::string(piece)) << std::flush;
  }
  void end() { std::cout << (terminal_ ? shown_.rest() : "") << '\n'; }

 private:
  bool terminal_ = ::isatty(1) == 1;
  PrintableStream shown_;
};

/// The chain whose model is called so. Throws Error(usage) where there is none.
[[gnu::cold]] inline const Chain& chain_named(const std::vector<Chain>& chains, const std::string& name) {
  std::string names;
  for (const Chain& chain : chains) {
    if (chain.name == name) return chain;
    names += (names.empty() ? "" : ", ") + chain.name;
  }
  throw Error(ExitCode::usage, "there is no model '" + name + "'; there are: " + names + " (--ablations adds others)");
}

template <Recipe R, class Device>
[[gnu::cold]] void generate(Device& device, Run<R, Device>& run, const RunOptions& options,
                            const GenerateOptions& generation) {
  require_range("--tokens", generation.tokens, 1, std::numeric_limits<int>::max());
  require_range("--temperature", generation.temperature, 0.0, std::numeric_limits<double>::max());
  const Chain& chain = chain_named(run.chains(), generation.model);
  run.require_begun();
  Weights<R> weights(options.seed);
  run.load_finished(options.seed, chain, chain.links.size(), weights);  // before the books: it may not be there
  constexpr std::size_t longest_prompt = std::size_t{64} << 20;
  const std::string prompt = generation.prompt == "-" ? read_standard_input(longest_prompt) : generation.prompt;
  run.load_corpus();
  run.finished_of(options.seed, chain, chain.links.size());  // its tokenizer, too, is the one that is there
  const Corpus& corpus = run.corpus();
  std::vector<std::int32_t> tokens{corpus.special.bos};
  corpus.encode(prompt, tokens);
  Reader<R, Device> reader(device, weights.span(), run.final_position(chain), R::model.context);
  Random random(options.seed, stream_of("sampling"), 0);
  auto logits = reader.read(tokens);
  GeneratedText text;
  for (int i = 0; i < generation.tokens; ++i) {
    const std::int32_t token = sampled(logits, generation.temperature, random);
    if (token == corpus.special.end) break;
    text.write(corpus.decode({&token, 1}));
    if (stop_requested() || !std::cout || reader.length() == reader.capacity()) break;
    logits = reader.append(token);
  }
  text.end();
  if (stop_requested()) throw Error(ExitCode::stopped, "stopped while generating; the text ends before its time");
}

/// What went wrong, as a line of standard error.
[[gnu::cold]] inline int say(const std::string& program, const std::string& sentence, ExitCode code) {
  std::cerr << printable(program.empty() ? sentence : program + ": " + sentence) << '\n';
  return static_cast<int>(code);
}

}  // namespace command

/// The `main` of a recipe's program. Returns an exit code of core/error.hpp.
template <Recipe R, class Device>
[[gnu::cold]] int program(int argc, char** argv) {
  std::string self = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "";
  if (self.empty()) self = "longsky";
  RunOptions options;
  options.out = "runs/" + self;
  GenerateOptions generation;
  Command app{self, "A longsky recipe: trains a language model to read a longer context."};
  Command commands[] = {{"plan", "print the memory and the work of every stage"},
                        {"describe", "print the recipe"},
                        {"train", "train every stage, evaluate, write the report; goes on where it was stopped"},
                        {"eval", "evaluate the finished models of a run again, and write the report"},
                        {"generate", "go on from a prompt"},
                        {"report", "write the report of a run again, from its files"}};
  typename Device::Options device_options;
  for (Command& command : std::span(commands).subspan(2)) {
    add_options(command, options, run_option_texts);
    add_options(command, device_options, Device::Options::texts);
  }
  add_options(commands[4], generation, generate_option_texts);

  hold_standard_descriptors();
  const StopSignals signals;  // outlives what is thrown: the last sentence, too, may find nobody who reads it
  try {
    const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    const Command* command = parse_command_line(app, commands, words);
    if (app.help || command->help) {
      std::cout << printable_lines(help_text(app, commands, command));
      require_output_written();
      return static_cast<int>(ExitCode::finished);
    }
    const std::string& name = command->name;
    if (name == "plan") {
      std::cout << plan_table<R, Device>(device_options.workers());
    } else if (name == "describe") {
      std::cout << describe<R>();
    } else {
      Device device(device_options);
      Run<R, Device> run(device, options, command::joined(argc, argv));
      if (name == "train") run.train();
      if (name == "eval") run.evaluate_again();
      if (name == "generate") command::generate(device, run, options, generation);
      if (name == "report") run.report();
    }
    require_output_written();
    return static_cast<int>(ExitCode::finished);
  } catch (const Misuse& e) {
    const int code = command::say("", e.what(), e.code());
    std::cerr << "Run with --help for more information.\n";
    return code;
  } catch (const Error& e) {
    return command::say(app.name, e.what(), e.code());
  } catch (const std::bad_alloc&) {
    return command::say(app.name,
                        "there is not enough memory; the plan needs " +
                            words::bytes(Device::shares_host_memory ? largest_plan<R, Device>(device_options.workers())
                                                                    : largest_host_plan<R, Device>()) +
                            " of the host's memory, and " + host_memory() +
                            ". Use fewer sequences a pass, or RecomputeBlocks.",
                        ExitCode::does_not_fit);
  } catch (const std::exception& e) {
    return command::say(app.name, e.what(), ExitCode::failure);
  }
}

}  // namespace longsky
