// longsky/core/standard_output.hpp — standard input and output that were really read and written.
//
// A stream that fails drops the rest without a word, and a program that never asks ends with 0 although the disk was
// full. Whoever prints results asks once, at the end.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/signals.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>

namespace longsky {

/// Opens what of standard input, output and error is closed, so that no file of ours takes its place and is written
/// what was meant for a reader. Reading and writing them still fails.
[[gnu::cold]] inline void hold_standard_descriptors() {
  for (const int wanted : {0, 1, 2})
    if (::fcntl(wanted, F_GETFD) < 0 && errno == EBADF) {
      // The lowest number that is free is the one that is closed.
      const int opened = ::open("/dev/null", wanted == 0 ? O_WRONLY : O_RDONLY);
      if (opened != wanted && opened >= 0) ::close(opened);
    }
}

/// Returns when all that was printed on std::cout or stdout is written. Throws Error where some of it was not: failure,
/// or, where nobody reads it any more, stopped.
[[gnu::cold]] inline void require_output_written() {
  errno = 0;
  std::cout.flush();
  const bool written = std::fflush(stdout) == 0 && std::cout.good() && std::ferror(stdout) == 0;
  if (written) return;
  // Which write failed, and why, may be long ago: the last one is tried again.
  const int reason = ::write(1, "\n", 1) < 0 ? errno : 0;
  if (reason == EPIPE) throw Error(ExitCode::stopped, "nobody reads standard output any more; some of it is lost");
  throw Error(ExitCode::failure, "standard output could not be written" +
                                     (reason ? std::string(": ") + std::strerror(reason) : std::string()) +
                                     "; some of what was to be said there is lost. Free space there, or send it "
                                     "elsewhere, and run this again");
}

/// All of standard input, at most `most` bytes. Throws Error where it cannot be read, is longer, or a stop is asked
/// for.
[[gnu::cold]] inline std::string read_standard_input(std::size_t most) {
  std::string text;
  for (char piece[4096];;) {
    pollfd ready{0, POLLIN, 0};
    const int events = ::poll(&ready, 1, /*milliseconds=*/100);
    if (stop_requested()) throw Error(ExitCode::stopped, "stopped while reading standard input");
    if (events == 0 || (events < 0 && errno == EINTR)) continue;
    const ssize_t n = ::read(0, piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      throw Error(ExitCode::failure, std::string("cannot read standard input: ") + std::strerror(errno) +
                                         "; send it the text, as in: program generate --prompt - < FILE");
    if (n == 0) return text;
    text.append(piece, static_cast<std::size_t>(n));
    if (text.size() > most)
      throw Error(ExitCode::usage, "standard input is longer than " + std::to_string(most) + " bytes; send less of it");
  }
}

}  // namespace longsky
