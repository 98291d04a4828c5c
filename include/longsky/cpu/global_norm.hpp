// longsky/cpu/global_norm.hpp — sums over whole arrays: of losses, and of the squares of a gradient.
//
// They are made in double, where squares of floats are exact, and in a fixed order: the same bits on every machine.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/cpu/device.hpp>

#include <cstdint>
#include <cstring>
#include <span>

namespace longsky::cpu {

inline constexpr std::int64_t sum_chunk = 16384;  // numbers that one thread adds up
constexpr ScratchPlan sum_scratch(std::int64_t n) {
  ScratchPlan plan;
  plan[Scratch::reduction] = 2 * ((n + sum_chunk - 1) / sum_chunk);  // a double in the room of two floats
  return plan;
}

/// The sum of term(x[i]) over i.
template <class Term>
double sum_of(Device& device, std::span<const float> x, const Term& term) {
  constexpr int lanes = 16;
  const float* const of = x.data();
  const auto n = static_cast<std::int64_t>(x.size());
  const std::int64_t chunks = (n + sum_chunk - 1) / sum_chunk;
  float* partial = device.scratch(Scratch::reduction, sum_scratch(n)[Scratch::reduction]);
  parallel_chunks(device.threads(), n, sum_chunk, [&](std::int64_t first, std::int64_t last, std::int64_t k) {
    double lane[lanes] = {};
    std::int64_t i = first;
    for (; i + lanes <= last; i += lanes)
      for (int j = 0; j < lanes; ++j) lane[j] += term(static_cast<double>(of[i + j]));
    for (int j = 0; i < last; ++i, ++j) lane[j] += term(static_cast<double>(of[i]));
    for (int to = lanes / 2; to > 0; to /= 2)
      for (int j = 0; j < to; ++j) lane[j] += lane[j + to];
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

/// The sum of x^2.
inline double sum_of_squares(Device& device, std::span<const float> x) {
  return sum_of(device, x, [](double value) { return value * value; });
}

/// *total = the sum of x^2; `total` is the device's memory.
inline void sum_of_squares(Device& device, double* total, std::span<const float> x) {
  *total = sum_of_squares(device, x);
}

/// *total += the sum of x; `total` is the device's memory.
inline void add_sum(Device& device, double* total, std::span<const float> x) {
  *total += sum_of(device, x, [](double value) { return value; });
}

}  // namespace longsky::cpu
