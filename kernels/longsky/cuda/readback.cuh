// longsky/cuda/readback.cuh — brings a value from the GPU to the host while the GPU goes on with what is queued behind
// it.
#pragma once

#include <longsky/cuda/device.cuh>

#include <type_traits>

namespace longsky::cuda {

/// Room on the host, pinned, for one T. A T asked for again before it was taken replaces the one before.
template <class T>
class Readback {
  static_assert(std::is_trivially_copyable_v<T>, "longsky: what is read back is copied byte by byte");

 public:
  explicit Readback(Device& device) : device_(device) {
    check(cudaHostAlloc(reinterpret_cast<void**>(&here_), sizeof(T), cudaHostAllocDefault),
          "allocate pinned memory for a result");
    check(cudaEventCreateWithFlags(&arrived_, cudaEventDisableTiming), "create an event");
  }
  Readback(const Readback&) = delete;
  Readback& operator=(const Readback&) = delete;
  ~Readback() {
    cudaEventSynchronize(arrived_);
    cudaEventDestroy(arrived_);
    cudaFreeHost(here_);
  }

  /// Queues the copy of what `from`, on the GPU, holds when all that was queued before is done.
  void begin(const T* from) {
    check(cudaMemcpyAsync(here_, from, sizeof(T), cudaMemcpyDeviceToHost, device_.stream()),
          "copy a result from the GPU");
    check(cudaEventRecord(arrived_, device_.stream()), "record an event");
  }
  /// Waits for the copy, and for nothing that was queued after it.
  T take() const {
    check(cudaEventSynchronize(arrived_), "finish a step");
    return *here_;
  }

 private:
  Device& device_;
  T* here_ = nullptr;
  cudaEvent_t arrived_ = nullptr;
};

}  // namespace longsky::cuda
