// longsky/cuda/staging.cuh — brings the tokens of a pass to the GPU while the pass before it may still be running.
//
// Two slots of pinned memory on the host take turns; on the GPU there is one, filled in the order of the stream. A pass
// of one size is always at the same addresses, as a recorded step needs it.
#pragma once

#include <longsky/cuda/device.cuh>
#include <longsky/spec/pass.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace longsky::cuda {

/// Room for the four index arrays of passes of up to `capacity` tokens.
class Staging {
 public:
  Staging(Device& device, std::int64_t capacity) : device_(device), there_(arrays * capacity) {
    for (Slot& slot : slots_) {
      check(cudaHostAlloc(reinterpret_cast<void**>(&slot.here),
                          static_cast<std::size_t>(arrays * capacity) * sizeof(std::int32_t), cudaHostAllocDefault),
            "allocate pinned memory for batches");
      check(cudaEventCreateWithFlags(&slot.copied, cudaEventDisableTiming), "create an event");
    }
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() {
    for (Slot& slot : slots_) {
      cudaEventSynchronize(slot.copied);
      cudaEventDestroy(slot.copied);
      cudaFreeHost(slot.here);
    }
  }

  /// Queues the copy of a host's pass; what comes back is the GPU's, valid until the next call.
  Pass put(const Pass& pass) {
    const std::int64_t n = pass.count();
    Slot& slot = slots_[static_cast<std::size_t>(turn_)];
    turn_ = 1 - turn_;
    check(cudaEventSynchronize(slot.copied), "wait for a batch");  // of the turn before last: long over
    Pass staged = pass;
    std::int64_t at = 0;
    for (auto* array : {&staged.tokens, &staged.targets, &staged.documents, &staged.positions}) {
      std::copy(array->begin(), array->end(), slot.here + at);
      *array = {there_.data() + at, static_cast<std::size_t>(n)};
      at += n;
    }
    check(cudaMemcpyAsync(there_.data(), slot.here, static_cast<std::size_t>(at) * sizeof(std::int32_t),
                          cudaMemcpyHostToDevice, device_.stream()),
          "copy a batch to the GPU");
    check(cudaEventRecord(slot.copied, device_.stream()), "record an event");
    return staged;
  }

 private:
  static constexpr std::int64_t arrays = 4;
  struct Slot {
    std::int32_t* here = nullptr;
    cudaEvent_t copied = nullptr;
  };
  Device& device_;
  Memory<std::int32_t> there_;
  std::array<Slot, 2> slots_;
  int turn_ = 0;
};

}  // namespace longsky::cuda
