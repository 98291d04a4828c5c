// The emulation's twin of longsky/cuda/launch.cuh: found first, since its folder comes first on the include path.
#pragma once

#include <emulation/capture.hpp>
#include <emulation/cuda_on_cpu.hpp>

#include <longsky/cuda/device.cuh>

#include <string>

namespace longsky::cuda {

template <class... Parameters, class... Arguments>
void launch(Device&, Grid grid, void (*kernel)(Parameters...), const Arguments&... arguments) {
  grid.check();
  emulation::note("a kernel (" + std::to_string(grid.layers) + " x " + std::to_string(grid.rows) + " x " +
                      std::to_string(grid.blocks) + " blocks of " + std::to_string(grid.threads) + " threads)",
                  kernel, grid.shared, static_cast<Parameters>(arguments)...);
  emulation::block.run(
      {static_cast<unsigned>(grid.blocks), static_cast<unsigned>(grid.rows), static_cast<unsigned>(grid.layers)},
      static_cast<unsigned>(grid.threads), grid.shared, [&] { kernel(static_cast<Parameters>(arguments)...); });
}

}  // namespace longsky::cuda
