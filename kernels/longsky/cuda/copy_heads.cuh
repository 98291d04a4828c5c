// longsky/cuda/copy_heads.cuh — moves rows of every head from one table of keys or values into another.
#pragma once

#include <longsky/cuda/device.cuh>

#include <cstddef>
#include <cstdint>

namespace longsky::cuda {

/// to[h][at + i] = from[h][i] for i below `length` and every head.
/// to [heads, to_capacity, D], from [heads, from_context, D].
template <int D, class T>
void copy_heads(Device& device, T* to, int to_capacity, int at, const T* from, int from_context, int length,
                int heads) {
  const auto bytes = [](int rows) { return static_cast<std::size_t>(rows) * D * sizeof(T); };
  check(cudaMemcpy2DAsync(to + std::int64_t{at} * D, bytes(to_capacity), from, bytes(from_context), bytes(length),
                          static_cast<std::size_t>(heads), cudaMemcpyDeviceToDevice, device.stream()),
        "copy keys and values");
}

}  // namespace longsky::cuda
