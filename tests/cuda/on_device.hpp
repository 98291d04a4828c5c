// tests/cuda/on_device.hpp — arrays of a test on the device, in the type that a kernel stores.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/cuda/device.cuh>

#include <sys/mman.h>

#include <cstdint>
#include <new>
#include <vector>

namespace longsky::test {

/// Device memory with a vector's values, rounded to T; with no values it is what the allocation left, never zeros.
template <class T = float>
class OnDevice {
 public:
  OnDevice(cuda::Device& device, std::int64_t size) : device_(device), memory_(size) {}
  template <class From>
  OnDevice(cuda::Device& device, const std::vector<From>& values)
      : OnDevice(device, static_cast<std::int64_t>(values.size())) {
    std::vector<T> stored;
    for (const From x : values) stored.push_back(static_cast<T>(x));
    device_.upload(memory_.data(), stored.data(), memory_.size());
  }

  T* data() { return memory_.data(); }
  operator T*() { return memory_.data(); }

  std::vector<float> floats() {
    std::vector<T> stored(static_cast<std::size_t>(memory_.size()));
    device_.download(stored.data(), memory_.data(), memory_.size());
    std::vector<float> values;
    for (const T x : stored) values.push_back(static_cast<float>(x));
    return values;
  }

 private:
  cuda::Device& device_;
  cuda::Memory<T> memory_;
};

/// More memory than there is: zeros, of which a page exists once it is touched. For what lies beyond 2^31 elements.
template <class T>
class FarMemory {
 public:
  explicit FarMemory(std::int64_t size) : bytes_(static_cast<std::size_t>(size) * sizeof(T)) {
    void* const memory =
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<T*>(memory);
  }
  FarMemory(const FarMemory&) = delete;
  FarMemory& operator=(const FarMemory&) = delete;
  ~FarMemory() { munmap(data_, bytes_); }

  T* data() { return data_; }

 private:
  std::size_t bytes_;
  T* data_;
};

/// The values that a vector has after a trip through T.
template <class T>
std::vector<float> stored_as(std::vector<float> values) {
  for (float& x : values) x = static_cast<float>(static_cast<T>(x));
  return values;
}

/// The relative error of one rounding to T.
template <class T>
inline constexpr double rounding = sizeof(T) == 4 ? 6e-8 : 4e-3;

}  // namespace longsky::test
