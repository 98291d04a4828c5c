// tests/cuda/on_device.hpp — arrays of a test on the device, in the type that a kernel stores.
//
// The tests of kernels are inside namespace longsky, since CUDA's own headers have a namespace `cuda` too.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/cuda/device.cuh>

#include <cstdint>
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
