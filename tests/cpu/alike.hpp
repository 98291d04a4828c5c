// tests/cpu/alike.hpp — the CPU as a device under test: any number of threads computes the same bits.
#pragma once

#include "support/device_array.hpp"

#include <longsky/cpu/device.hpp>

#include <algorithm>
#include <limits>

namespace longsky::test {

template <>
struct Alike<cpu::Device> {
  template <class F>
  static void each(const F& f) {
    for (const int threads : {1, 2, 3, 8}) {
      cpu::Device device(threads);
      // Scratch memory holds what the op before has left there.
      for (int use = 0; use < static_cast<int>(cpu::Scratch::count); ++use)
        std::fill_n(device.scratch(static_cast<cpu::Scratch>(use), 1 << 18), 1 << 18,
                    std::numeric_limits<float>::quiet_NaN());
      f(device);
    }
  }
};

}  // namespace longsky::test
