// The emulation's twin of longsky/cuda/peak.cuh: there is nothing to measure.
#pragma once

#include <longsky/cuda/device.cuh>

namespace longsky::cuda {

template <class Precision>
double peak_flops(Device&) {
  return 1e9;
}

}  // namespace longsky::cuda
