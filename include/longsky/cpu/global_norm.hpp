// longsky/cpu/global_norm.hpp — the square of the norm of a whole gradient.
//
// Squares of floats are exact in double, and the order of the sums is fixed: the same bits on every machine.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/cpu/device.hpp>

#include <cstdint>
#include <cstring>
#include <span>

namespace longsky::cpu {

/// The sum of x^2.
inline double sum_of_squares(Device& device, std::span<const float> x) {
  constexpr std::int64_t chunk_size = 16384;
  constexpr int lanes = 16;
  const auto n = static_cast<std::int64_t>(x.size());
  const std::int64_t chunks = (n + chunk_size - 1) / chunk_size;
  float* partial = device.scratch(Scratch::reduction, 2 * chunks);  // a double in the room of two floats
  parallel_chunks(device.threads(), n, chunk_size, [&](std::int64_t first, std::int64_t last, std::int64_t k) {
    double lane[lanes] = {};
    std::int64_t i = first;
    for (; i + lanes <= last; i += lanes)
      for (int j = 0; j < lanes; ++j) lane[j] += double{x[i + j]} * double{x[i + j]};
    for (int j = 0; i < last; ++i, ++j) lane[j] += double{x[i]} * double{x[i]};
    for (int half = lanes / 2; half > 0; half /= 2)
      for (int j = 0; j < half; ++j) lane[j] += lane[j + half];
    std::memcpy(partial + 2 * k, lane, sizeof(double));
  });
  double total = 0;
  for (std::int64_t k = 0; k < chunks; ++k) {
    double part;
    std::memcpy(&part, partial + 2 * k, sizeof part);
    total += part;
  }
  return total;
}

}  // namespace longsky::cpu
