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

/// Each run computes the same bits, with scratch memory of its own.
template <>
struct Alike<cuda::Device> {
  template <class F>
  static void each(const F& f) {
    for (int run = 0; run < 2; ++run) {
      cuda::Device device;
      f(device);
    }
  }
};

}  // namespace longsky::test
