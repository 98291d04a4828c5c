// longsky/cuda/launch.cuh — queues a kernel. The emulation has a twin of this file that runs it on the CPU.
#pragma once

#include <longsky/cuda/device.cuh>

#include <string>

namespace longsky::cuda {

/// Queues `kernel` on the device's stream. No blocks: nothing to do.
template <class... Parameters, class... Arguments>
void launch(Device& device, Grid grid, void (*kernel)(Parameters...), const Arguments&... arguments) {
  grid.check();
  if (grid.empty()) return;
  const auto name = [&] {
    const char* mangled = nullptr;
    return cudaFuncGetName(&mangled, reinterpret_cast<const void*>(kernel)) == cudaSuccess ? mangled : "a kernel";
  };
  constexpr std::size_t unasked = 48 << 10;  // bytes of shared memory that every block may have
  if (grid.shared > unasked)
    if (const cudaError_t status =
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(grid.shared));
        status != cudaSuccess)
      check(status,
            "give blocks of " + std::string(name()) + " " + std::to_string(grid.shared) + " bytes of shared memory");
  kernel<<<dim3(static_cast<unsigned>(grid.blocks), static_cast<unsigned>(grid.rows),
                static_cast<unsigned>(grid.layers)),
           static_cast<unsigned>(grid.threads), grid.shared, device.stream()>>>(arguments...);
  if (const cudaError_t status = cudaGetLastError(); status != cudaSuccess)
    check(status, std::string("launch ") + name());
  if (device.synchronous())
    if (const cudaError_t status = cudaStreamSynchronize(device.stream()); status != cudaSuccess)
      check(status, std::string("run ") + name());
}

}  // namespace longsky::cuda
