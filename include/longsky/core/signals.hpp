// longsky/core/signals.hpp — SIGINT, SIGTERM, SIGUSR1, SIGHUP and SIGPIPE ask a run to stop; whoever loops asks
// stop_requested() of core/stop.hpp.
//
// The first asks: the loop ends its step, writes a checkpoint and exits with ExitCode::stopped. A second SIGINT does
// not wait. SIGUSR1 is what a scheduler sends ahead of its time limit (sbatch --signal=B:USR1@300), SIGHUP what a
// terminal sends that is closed, SIGPIPE what a run gets whose output nobody reads any more (train | head).
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/stop.hpp>

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>

namespace longsky {

namespace signals {
inline std::atomic<int> interrupts{0};  // how many of those received were SIGINT

inline void handle(int number) {
  if (number == SIGINT && interrupts.fetch_add(1) > 0) ::_exit(static_cast<int>(ExitCode::killed));
  int none = 0;
  received.compare_exchange_strong(none, number);
}
}  // namespace signals

/// While it lives the five signals ask instead of killing, and a file that reaches its size limit is a failed write
/// instead of SIGXFSZ; afterwards they do what they did before. A signal that was ignored stays ignored: that is
/// how `nohup` and a script's `&` tell a run to outlive a terminal.
class StopSignals {
 public:
  StopSignals() {
    signals::received = 0;
    signals::interrupts = 0;
    struct sigaction action {};
    action.sa_handler = signals::handle;
    action.sa_flags = SA_RESTART;  // a signal must not make a write to a checkpoint fail
    sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      ::sigaction(numbers[i], nullptr, &before_[i]);
      const bool ignored = !(before_[i].sa_flags & SA_SIGINFO) && before_[i].sa_handler == SIG_IGN;
      if (!ignored) ::sigaction(numbers[i], &action, nullptr);
    }
    action.sa_handler = SIG_IGN;
    ::sigaction(SIGXFSZ, &action, &size_limit_before_);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals() {
    for (std::size_t i = 0; i < numbers.size(); ++i) ::sigaction(numbers[i], &before_[i], nullptr);
    ::sigaction(SIGXFSZ, &size_limit_before_, nullptr);
    signals::received = 0;
    signals::interrupts = 0;
  }

 private:
  static constexpr std::array<int, 5> numbers = {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGPIPE};
  std::array<struct sigaction, numbers.size()> before_{};
  struct sigaction size_limit_before_ {};
};

}  // namespace longsky
