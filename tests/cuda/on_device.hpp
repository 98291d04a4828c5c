// tests/cuda/on_device.hpp — a GPU as the device under test.
//
// The tests of kernels are inside namespace longsky, since CUDA's own headers have a namespace `cuda` too.
#pragma once

#include "support/device_array.hpp"

#include <longsky/core/half.hpp>
#include <longsky/cuda/device.cuh>

namespace longsky::test {

template <class T>
using OnDevice = DeviceArray<T, cuda::Device>;

// A second run reads and writes what the first did: AddressSanitizer need not see it. Other builds compare the bits.
#ifdef __SANITIZE_ADDRESS__
inline constexpr int runs_alike = 1;
#else
inline constexpr int runs_alike = 2;
#endif

/// Each run computes the same bits, with scratch memory of its own.
template <>
struct Alike<cuda::Device> {
  template <class F>
  static void each(const F& f) {
    for (int run = 0; run < runs_alike; ++run) {
      cuda::Device device;
      f(device);
    }
  }
};

}  // namespace longsky::test
