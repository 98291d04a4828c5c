// longsky/cuda/options.cuh — what a program may be told of the GPU it runs on.
#pragma once

#include <longsky/core/options.hpp>
#include <longsky/cuda/device.cuh>

#include <cstdlib>

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

/// CUDA counts from the fastest GPU, nvidia-smi by their places on the bus. The runtime reads the choice once, at its
/// first call; one that the user has made stays.
inline int counted_by_bus(int gpu) {
  setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID", /*overwrite=*/0);
  return gpu;
}

inline Device::Device(const DeviceOptions& options) : Device(counted_by_bus(options.gpu), options.synchronous) {}

}  // namespace longsky::cuda

BOOST_HANA_ADAPT_STRUCT(longsky::cuda::DeviceOptions, gpu, synchronous);
