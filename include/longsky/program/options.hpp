// longsky/program/options.hpp — what a run can be told without a rebuild. Defaults stand here and nowhere else.
#pragma once

#include <longsky/core/options.hpp>
#include <longsky/program/command_line.hpp>

#include <cstdint>
#include <string>

namespace longsky {

/// The options of `train` and, where they apply, of the other subcommands.
struct RunOptions {
  // data
  std::string out;  // empty: runs/ and the program's name
  std::string corpus = "data/corpus";
  std::string held_out = "persuasion";
  // run
  std::uint64_t seed = 0;
  int seeds = 1;
  double scale = 1;
  double lr_scale = 1;
  bool ablations = false;
  // evaluation
  int samples = 10;
  bool development = false;
  // checkpoints
  int checkpoint_every = 200;
  double checkpoint_minutes = 2;
  int keep = 2;
  std::string max_wall;
  // output
  std::string progress = "auto";
};

/// The words of `--help`.
inline constexpr OptionText run_option_texts[] = {
    {"out", "Data", "directory of the run: checkpoints, metrics, report"},
    {"corpus", "Data", "directory of books (.txt, .gz, .rdb), read with all folders in it"},
    {"held_out", "Data", "the book kept out of training: its name, or a part that no other name has"},
    {"seed", "Run", "first seed"},
    {"seeds", "Run", "how many seeds to run, one after the other"},
    {"scale", "Run", "multiplies the steps of every stage"},
    {"lr_scale", "Run", "multiplies the learning rate of every stage"},
    {"ablations", "Run", "also run the recipe without each long stage, and without the change of the rotary base"},
    {"samples", "Evaluation", "needles per cell of the grid"},
    {"development", "Evaluation", "use the development words, numbers and haystack instead of the reported ones"},
    {"checkpoint_every", "Checkpoints", "steps between checkpoints; 0: only at the end of a stage"},
    {"checkpoint_minutes", "Checkpoints", "minutes between checkpoints at the most; 0: no limit"},
    {"keep", "Checkpoints", "step checkpoints to keep"},
    {"max_wall", "Checkpoints",
     "checkpoint and stop (exit code 75) after this time, as 90s, 15m, 2h or 01:30:00; empty: never",
     /*may_be_empty=*/true},
    {"progress", "Output", "auto, bar, plain, json or none"},
};

}  // namespace longsky

BOOST_HANA_ADAPT_STRUCT(longsky::RunOptions, out, corpus, held_out, seed, seeds, scale, lr_scale, ablations, samples,
                        development, checkpoint_every, checkpoint_minutes, keep, max_wall, progress);
