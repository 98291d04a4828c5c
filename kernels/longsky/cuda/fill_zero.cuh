// longsky/cuda/fill_zero.cuh — zeroes memory.
#pragma once

#include <longsky/cuda/device.cuh>

#include <cstddef>
#include <span>

namespace longsky::cuda {

/// Every element of `x` becomes 0.
template <class T>
void fill_zero(Device& device, std::span<T> x) {
  check(cudaMemsetAsync(x.data(), 0, x.size_bytes(), device.stream()), "clear memory");
}

}  // namespace longsky::cuda
