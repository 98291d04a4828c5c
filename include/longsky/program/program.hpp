// longsky/program/program.hpp — a recipe as a command: plan, describe, train, eval, generate, report.
#pragma once

#include <longsky/core/signals.hpp>
#include <longsky/program/command_line.hpp>
#include <longsky/program/describe.hpp>
#include <longsky/program/options.hpp>
#include <longsky/program/run.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <span>
#include <string>
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
    {"prompt", "Generation", "the text to go on from; - reads it from standard input"},
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

template <Recipe R, class Device>
[[gnu::cold]] void generate(Device& device, Run<R, Device>& run, const RunOptions& options,
                            const GenerateOptions& generation) {
  if (generation.tokens < 1 || !(generation.temperature >= 0))
    throw Error(ExitCode::usage, "--tokens must be positive and --temperature not negative");
  run.require_begun();
  run.load_corpus();
  std::string prompt = generation.prompt;
  if (prompt == "-") prompt.assign(std::istreambuf_iterator<char>(std::cin), {});
  const Corpus& corpus = run.corpus();
  for (const Chain& chain : run.chains()) {
    if (chain.name != generation.model) continue;
    Weights<R> weights(options.seed);
    run.load_finished(options.seed, chain, chain.links.size(), weights);
    std::vector<std::int32_t> tokens{corpus.special.bos};
    corpus.encode(prompt, tokens);
    Reader<R, Device> reader(device, weights.span(), run.final_position(chain), R::model.context);
    Random random(options.seed, stream_of("sampling"), 0);
    auto logits = reader.read(tokens);
    for (int i = 0; i < generation.tokens; ++i) {
      const std::int32_t token = sampled(logits, generation.temperature, random);
      if (token == corpus.special.end) break;
      std::cout << corpus.decode({&token, 1}) << std::flush;
      if (stop_requested() || reader.length() == reader.capacity()) break;
      logits = reader.append(token);
    }
    std::cout << '\n';
    return;
  }
  throw Error(ExitCode::usage,
              "there is no model '" + generation.model + "'; there are before, after and, with --ablations, others");
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

  const StopSignals signals;  // outlives what is thrown: the last sentence, too, may find nobody who reads it
  try {
    const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    const Command* command = parse_command_line(app, commands, words);
    if (app.help || command->help) {
      std::cout << help_text(app, commands, command);
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
    return static_cast<int>(ExitCode::finished);
  } catch (const Misuse& e) {
    std::cerr << e.what() << '\n';
    return static_cast<int>(e.code());
  } catch (const Error& e) {
    std::cerr << app.name << ": " << e.what() << '\n';
    return static_cast<int>(e.code());
  } catch (const std::bad_alloc&) {
    std::cerr << app.name << ": there is not enough memory; the plan needs "
              << words::bytes(largest_plan<R, Device>(device_options.workers()))
              << ". Use fewer sequences a pass, or RecomputeBlocks.\n";
    return static_cast<int>(ExitCode::does_not_fit);
  } catch (const std::exception& e) {
    std::cerr << app.name << ": " << e.what() << '\n';
    return static_cast<int>(ExitCode::failure);
  }
}

}  // namespace longsky
