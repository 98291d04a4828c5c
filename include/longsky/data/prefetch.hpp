// longsky/data/prefetch.hpp — a thread that makes the next batch while this one is used.
//
// Batches come out in order of their steps and are the same as without it: a batch is a pure function of its step.
#pragma once

#include <longsky/data/batch.hpp>

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace longsky {

/// Runs `make(batch, step)` ahead for first_step, first_step + 1, … on a thread of its own, one batch in advance.
/// `make` must be callable from another thread; what it throws comes out of take() at its step.
class Prefetch {
 public:
  Prefetch(int sequences, int context, std::int64_t first_step, std::function<void(Batch&, std::int64_t)> make)
      : slots_{Slot{Batch(sequences, context)}, Slot{Batch(sequences, context)}},
        next_(first_step),
        make_(std::move(make)),
        thread_([this, first_step](std::stop_token stop) { work(stop, first_step); }) {}

  /// The batch of the next step, valid until the following take(). Waits if it is not ready.
  const Batch& take() {
    std::unique_lock lock(mutex_);
    if (taken_) {
      slot(next_ - 1).full = false;
      changed_.notify_all();
    }
    Slot& ready = slot(next_);
    changed_.wait(lock, [&] { return ready.full || failure_; });
    if (!ready.full) std::rethrow_exception(failure_);
    ++next_;
    taken_ = true;
    return ready.batch;
  }

 private:
  struct Slot {
    Batch batch;
    bool full = false;
  };

  Slot& slot(std::int64_t step) { return slots_[static_cast<std::size_t>(step & 1)]; }

  void work(std::stop_token stop, std::int64_t step) {
    for (;; ++step) {
      Slot& free = slot(step);
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [&] { return !free.full; })) return;
      }
      std::exception_ptr failure;
      try {
        make_(free.batch, step);
      } catch (...) {
        failure = std::current_exception();
      }
      const std::scoped_lock lock(mutex_);
      failure_ = failure;
      free.full = !failure;
      changed_.notify_all();
      if (failure) return;
    }
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::array<Slot, 2> slots_;
  std::int64_t next_;
  bool taken_ = false;
  std::exception_ptr failure_;
  std::function<void(Batch&, std::int64_t)> make_;
  std::jthread thread_;  // last: it stops and is joined before what it uses goes
};

}  // namespace longsky
