// longsky/cuda/peak.cuh — what this GPU can do, measured at start: the rate of one large matrix product.
//
// A large product is the ceiling of everything else a network does; the data sheet's figure is never reached. The
// emulation has a twin of this file.
#pragma once

#include <longsky/cuda/linear.cuh>

#include <algorithm>
#include <cstdint>
#include <span>

namespace longsky::cuda {

/// FLOP/s of a product of 8,192 x 8,192 matrices in the elements of `Precision`: the best of ten, random-looking
/// factors.
template <class Precision>
double peak_flops(Device& device) {
  using T = Device::Element<Precision>;
  constexpr int N = 8192;
  constexpr std::int64_t size = std::int64_t{N} * N;
  Memory<T> x(size), w(size), y(size);
  // Factors of zeros would draw less power and run at a higher clock.
  std::vector<float> numbers(static_cast<std::size_t>(size));
  std::uint32_t state = 1;
  for (float& value : numbers) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) / (1 << 23) - 1.0f;
  }
  device.upload_as(x.data(), numbers.data(), size);
  device.upload_as(w.data(), numbers.data(), size);

  cudaEvent_t begin, end;
  check(cudaEventCreate(&begin), "create an event");
  check(cudaEventCreate(&end), "create an event");
  float best = 0;
  for (int round = 0; round < 12; ++round) {  // the first two warm up
    check(cudaEventRecord(begin, device.stream()), "record an event");
    linear_forward<Precision, N, N>(device, Rows<T, N>{y.data(), N}, Rows<T, N>{x.data(), N}, w.data(), nullptr,
                                    nullptr);
    check(cudaEventRecord(end, device.stream()), "record an event");
    check(cudaEventSynchronize(end), "finish a product");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin, end), "time a product");
    if (round >= 2) best = round == 2 ? milliseconds : std::min(best, milliseconds);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return 2.0 * N * static_cast<double>(size) / (1e-3 * best);
}

}  // namespace longsky::cuda
