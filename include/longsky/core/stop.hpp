// longsky/core/stop.hpp — whether this program was asked to stop, for whoever loops. Who asks: core/signals.hpp.
#pragma once

#include <longsky/core/error.hpp>

#include <atomic>
#include <cstdint>
#include <string>

namespace longsky {

namespace signals {
inline std::atomic<int> received{0};  // the first signal that asked to stop
static_assert(std::atomic<int>::is_always_lock_free, "longsky: a signal handler may touch nothing that can lock");
}  // namespace signals

/// True once a signal has asked the program to stop. Cheap: ask in every loop that can take a second.
inline bool stop_requested() { return signals::received.load(std::memory_order_relaxed) != 0; }

/// The first signal that asked, 0 where none did.
inline int stop_signal() { return signals::received.load(std::memory_order_relaxed); }

/// Throws Error(stopped) once a signal has asked the program to stop; `doing` is what is given up, such as "reading the
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

/// While it lives, the loops of core/parallel.hpp that this thread begins leave out what is left of their items once a
/// stop is asked for: an op at a long context takes many seconds. What they computed is then rubbish, so whoever opens
/// a scope calls heed_stop after the last op and before a result is used, and opens none around what must be
/// done whole, such as an update of weights.
class Abandonable {
 public:
  Abandonable() : before_(open) { open = true; }
  Abandonable(const Abandonable&) = delete;
  Abandonable& operator=(const Abandonable&) = delete;
  ~Abandonable() { open = before_; }

  static bool here() { return open; }

 private:
  inline static thread_local bool open = false;
  bool before_;
};

}  // namespace longsky
