// tests/emulation/cuda_on_cpu.hpp — runs CUDA kernels on the CPU: blocks one after the other, threads on fibres.
//
// A fibre runs one thread after the other to its end; where a thread comes to a barrier or a shuffle, it keeps the
// fibre until the others have come there too, and the next fibre goes on with the next thread. What would be wrong on a
// GPU but might pass here is looked for: a barrier that some threads never reach, a race on shared memory between two
// barriers, shared memory that is read before it is written. The first one found is thrown by launch() as
// std::logic_error, with block and thread.
#pragma once

#include "fibre.hpp"

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#undef __global__
#undef __device__
#undef __host__
#undef __shared__
#undef __launch_bounds__
#define __global__
#define __device__
#define __host__
#define __shared__ static
#define __launch_bounds__(...)

inline dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace longsky::emulation {

/// One CUDA thread.
struct Thread {
  enum class State { fresh, at_block_barrier, at_warp_barrier, done };
  State state = State::fresh;
  std::size_t fibre = 0;  // on which it waits
};

/// The block that runs.
class Block {
 public:
  static constexpr unsigned warp_size = 32;

  void run(dim3 grid, unsigned threads, std::size_t shared, const std::function<void()>& kernel) {
    run_some(0, grid.x * grid.y * grid.z, grid, threads, shared, kernel);
  }

  /// Of a grid, layer by layer and row by row, the blocks from `first` to before `end`: for grids that would take
  /// hours.
  void run_some(unsigned first, unsigned end, dim3 grid, unsigned threads, std::size_t shared,
                const std::function<void()>& kernel) {
    kernel_ = &kernel;
    shared_ = shared;
    gridDim = grid;
    blockDim = dim3(threads);
    error_.clear();
    exchanged_.resize((threads + warp_size - 1) / warp_size);
    warp_epoch_.assign(exchanged_.size(), 0);
    for (unsigned b = first; b < end; ++b) {
      blockIdx = dim3(b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y);
      threads_.assign(threads, Thread{});
      turns_.assign(threads, 0);
      run_block();
    }
  }

  unsigned current() const { return current_; }
  /// Bytes of shared_memory that the launch asked for.
  std::size_t shared() const { return shared_; }
  /// Barriers passed, the start of a block being one: numbers that never come again.
  std::uint64_t epoch() const { return epoch_; }
  std::uint64_t block_start() const { return block_start_; }
  std::uint64_t block_epoch() const { return std::max(block_epoch_, block_start_); }
  std::uint64_t warp_epoch() const { return warp_epoch_[current_ / warp_size]; }

  void wait(Thread::State state) {
    threads_[current_] = {state, fibre_};
    Place::go(fibres_[fibre_]->place, main_);
  }

  /// What each lane of the warp gives: `lanes[i]` is lane i's. Valid until the warp's next exchange but one; every lane
  /// must come.
  template <class T>
  std::span<const T, warp_size> exchange(const T& mine) {
    static_assert(sizeof(T) <= sizeof(Exchanged::bytes[0][0]));
    Exchanged& warp = exchanged_[current_ / warp_size];
    // Two buffers in turn: before one is filled again, all lanes have come to the exchange in between.
    const unsigned turn = turns_[current_]++ % 2;
    auto* const lanes = reinterpret_cast<T*>(&warp.bytes[turn]);
    std::memcpy(&lanes[current_ % warp_size], &mine, sizeof mine);
    wait(Thread::State::at_warp_barrier);
    return std::span<const T, warp_size>(lanes, warp_size);
  }

  /// Remembers the first mistake; the thread goes no further.
  [[noreturn]] void fail(const std::string& what) {
    if (error_.empty()) error_ = "block " + name_of_block() + ", thread " + std::to_string(current_) + ": " + what;
    for (;;) wait(Thread::State::done);
  }

 private:
  static std::string name_of_block() {
    std::string name = std::to_string(blockIdx.x);
    if (gridDim.y > 1) name += " of row " + std::to_string(blockIdx.y);
    if (gridDim.z > 1) name += " of layer " + std::to_string(blockIdx.z);
    return name;
  }

  struct alignas(16) Exchanged {
    char bytes[2][warp_size][64];
  };

  static void trampoline();

  /// On a fibre: runs the threads that have not begun.
  void run_fresh_threads() {
    while (fresh_ < threads_.size()) {
      become(fresh_++);
      (*kernel_)();
      threads_[current_].state = Thread::State::done;
    }
    Place::go(fibres_[fibre_]->place, main_);
  }

  void become(std::size_t thread) {
    current_ = static_cast<unsigned>(thread);
    threadIdx = dim3(current_);
  }

  void enter(std::size_t fibre) {
    fibre_ = fibre;
    Place::go(main_, fibres_[fibre]->place);
    if (!error_.empty()) throw std::logic_error(error_);
  }

  void prepare(std::size_t fibre) {
    if (fibre == fibres_.size()) fibres_.push_back(std::make_unique<Fibre>());
    fibres_[fibre]->begin(trampoline);
  }

  void run_block() {
    block_start_ = ++epoch_;
    fresh_ = 0;
    for (std::size_t used = 0; fresh_ < threads_.size(); ++used) {
      prepare(used);
      enter(used);
    }
    const auto all = [&](std::size_t first, std::size_t last, Thread::State state) {
      for (std::size_t i = first; i < last; ++i)
        if (threads_[i].state != state) return false;
      return true;
    };
    const auto release = [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        become(i);
        enter(threads_[i].fibre);
      }
    };
    const std::size_t threads = threads_.size();
    while (!all(0, threads, Thread::State::done)) {
      bool progress = false;
      for (std::size_t w = 0; w < threads; w += warp_size)
        if (const std::size_t end = std::min<std::size_t>(threads, w + warp_size);
            all(w, end, Thread::State::at_warp_barrier)) {
          warp_epoch_[w / warp_size] = ++epoch_;
          release(w, end);
          progress = true;
        }
      if (!progress && all(0, threads, Thread::State::at_block_barrier)) {
        block_epoch_ = ++epoch_;
        release(0, threads);
        progress = true;
      }
      if (!progress)
        throw std::logic_error("block " + name_of_block() +
                               ": some threads wait at a barrier that others of the block or warp never reach");
    }
  }

  const std::function<void()>* kernel_ = nullptr;
  std::vector<Thread> threads_;
  std::vector<std::unique_ptr<Fibre>> fibres_;  // kept from launch to launch; a context must not move
  std::vector<Exchanged> exchanged_;            // a warp each
  std::vector<unsigned> turns_;                 // a thread each
  std::vector<std::uint64_t> warp_epoch_;
  std::size_t shared_ = 0, fresh_ = 0, fibre_ = 0;
  Place main_;
  unsigned current_ = 0;
  std::uint64_t epoch_ = 0, block_start_ = 0, block_epoch_ = 0;
  std::string error_;
};

inline Block block;

inline void Block::trampoline() { block.run_fresh_threads(); }

/// Who touched one element of shared memory last, and when.
struct Touched {
  struct By {
    std::uint64_t when = 0;
    unsigned thread = 0;
  };
  By written, read[2];  // of readers, two of different warps

  /// Is the earlier access ordered before the current thread's: by a barrier of the block, or of their warp?
  static bool ordered(const By& earlier) {
    if (earlier.when <= block.block_epoch() || earlier.thread == block.current()) return true;
    return earlier.thread / Block::warp_size == block.current() / Block::warp_size &&
           earlier.when <= block.warp_epoch();
  }
  void note_read(int i) {
    if (written.when <= block.block_start()) block.fail("reads shared[" + std::to_string(i) + "], which nobody wrote");
    if (!ordered(written))
      block.fail("reads shared[" + std::to_string(i) + "] while thread " + std::to_string(written.thread) +
                 " writes it: a barrier is missing");
    const bool replace =
        read[0].when <= block.block_epoch() || read[0].thread / Block::warp_size == block.current() / Block::warp_size;
    read[replace ? 0 : 1] = now();
  }
  void note_write(int i) {
    for (const By& earlier : {written, read[0], read[1]})
      if (earlier.when > block.block_start() && !ordered(earlier))
        block.fail("writes shared[" + std::to_string(i) + "] while thread " + std::to_string(earlier.thread) +
                   " uses it: a barrier is missing");
    written = now();
  }
  static By now() { return {block.epoch() + 1, block.current()}; }
};

}  // namespace longsky::emulation

inline void __syncthreads() { longsky::emulation::block.wait(longsky::emulation::Thread::State::at_block_barrier); }
inline void __syncwarp(unsigned = ~0u) {
  longsky::emulation::block.wait(longsky::emulation::Thread::State::at_warp_barrier);
}
template <class T>
T __shfl_sync(unsigned, T value, int source) {
  return longsky::emulation::block.exchange(value)[static_cast<unsigned>(source) % 32];
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int apart) {
  return __shfl_sync(mask, value, static_cast<int>(threadIdx.x % 32) ^ apart);
}
inline unsigned __ballot_sync(unsigned, int mine) {
  unsigned lanes = 0, bit = 1;
  for (const int theirs : longsky::emulation::block.exchange(mine)) {
    if (theirs != 0) lanes |= bit;
    bit <<= 1;
  }
  return lanes;
}
inline int __any_sync(unsigned lanes, int mine) { return __ballot_sync(lanes, mine) != 0; }
