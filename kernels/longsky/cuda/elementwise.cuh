// longsky/cuda/elementwise.cuh — one kernel for all passes in which vectors of elements are computed apart.
#pragma once

#include <longsky/cuda/launch.cuh>

#include <algorithm>
#include <cstdint>

namespace longsky::cuda {

/// A grid-stride loop: enough blocks to fill any GPU, few enough that starting them costs nothing.
struct ElementwiseTile {
  static constexpr int threads = 256;
  static constexpr std::int64_t most_blocks = 4096;
};

namespace kernel {

template <class Body>
__global__ __launch_bounds__(ElementwiseTile::threads) void for_each(std::int64_t count, Body body) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * ElementwiseTile::threads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * ElementwiseTile::threads + threadIdx.x; i < count;
       i += stride)
    body(i);
}

}  // namespace kernel

/// Calls body(i) on the device for i in [0, count). Body is a struct with a __device__ operator().
template <class Body>
void for_each(Device& device, std::int64_t count, const Body& body) {
  const std::int64_t blocks = (count + ElementwiseTile::threads - 1) / ElementwiseTile::threads;
  launch(device, {std::min(blocks, ElementwiseTile::most_blocks), ElementwiseTile::threads}, kernel::for_each<Body>,
         count, body);
}

}  // namespace longsky::cuda
