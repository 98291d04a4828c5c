// longsky/core/error.hpp — what a run says when it cannot go on, and the exit code a script can test.
//
// A message names what failed, where, what was expected and what to do, and no program: who prints it puts its own name
// in front. It is thrown at the edges (files, options, data); ops never throw. What it quotes of files and names cannot
// command the terminal it is shown on.
#pragma once

#include <longsky/core/printable.hpp>

#include <stdexcept>
#include <string>

namespace longsky {

/// The exit codes of a longsky program. `stopped` is EX_TEMPFAIL: a scheduler that requeues on 75 resumes the run.
enum class ExitCode : int {
  finished = 0,
  failure = 1,
  usage = 2,
  does_not_fit = 3,
  corrupt = 4,
  diverged = 5,
  no_device = 6,
  stalled = 7,
  stopped = 75,
  killed = 130,
};

/// An error with the sentence for the user, one printable line, and the exit code for the script.
class Error : public std::runtime_error {
 public:
  [[gnu::cold]] Error(ExitCode code, const std::string& sentence)
      : std::runtime_error(printable(sentence)), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

}  // namespace longsky
