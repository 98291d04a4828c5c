// longsky/text/heed_stop.hpp — a stop is heard while books are read and a tokenizer is learned, not only between steps.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/signals.hpp>

#include <cstdint>
#include <string>

namespace longsky {

/// Throws Error(stopped) once a signal has asked the run to stop; `doing` is what is given up, such as "reading the
/// books". A program without StopSignals never gets it.
inline void heed_stop(const char* doing) {
  if (stop_requested()) [[unlikely]]
    throw Error(ExitCode::stopped, "stopped while " + std::string(doing) + "; the same command begins with it again");
}

/// The same for a loop of small items: asks once in 4,096 calls.
class StopHeeder {
 public:
  explicit StopHeeder(const char* doing) : doing_(doing) {}
  void operator()() {
    if ((++calls_ & 4095) == 0) heed_stop(doing_);
  }

 private:
  const char* doing_;
  std::uint32_t calls_ = 0;
};

}  // namespace longsky
