// longsky/cuda/options.cuh — what a program may be told of the GPU it runs on.
#pragma once

#include <longsky/core/options.hpp>
#include <longsky/cuda/device.cuh>

namespace longsky::cuda {

struct DeviceOptions {
  int gpu = 0;
  bool synchronous = false;

  /// The threads of a device with these options: see Device::threads.
  static constexpr int workers() { return 1; }

  static constexpr OptionText texts[] = {
      {"gpu", "Device", "which GPU, as nvidia-smi counts them"},
      {"synchronous", "Device", "wait after each launch, so that an error is reported where it was made; slow"}};
};

inline Device::Device(const DeviceOptions& options) : Device(options.gpu, options.synchronous) {}

}  // namespace longsky::cuda

BOOST_HANA_ADAPT_STRUCT(longsky::cuda::DeviceOptions, gpu, synchronous);
