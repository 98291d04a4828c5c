// tests/cuda/far_memory.hpp — memory for what lies beyond 2^31 elements. The emulation has a twin of this file.
#pragma once

#include <longsky/cuda/device.cuh>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace longsky::test {

/// Zeros on the device.
template <class T>
class FarMemory {
 public:
  explicit FarMemory(std::int64_t size) : memory_(size) {
    cuda::check(cudaMemset(memory_.data(), 0, static_cast<std::size_t>(size) * sizeof(T)), "clear memory");
  }
  T* data() { return memory_.data(); }

  void write(std::int64_t at, const std::vector<T>& values) {
    cuda::check(cudaMemcpy(data() + at, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice), "write");
  }
  /// What is there once all that was queued is done.
  std::vector<T> read(std::int64_t at, std::int64_t size) {
    std::vector<T> values(static_cast<std::size_t>(size));
    cuda::check(cudaDeviceSynchronize(), "finish what was queued");
    cuda::check(cudaMemcpy(values.data(), data() + at, values.size() * sizeof(T), cudaMemcpyDeviceToHost), "read");
    return values;
  }

 private:
  cuda::Memory<T> memory_;
};

}  // namespace longsky::test
