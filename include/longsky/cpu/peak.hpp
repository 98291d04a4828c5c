// longsky/cpu/peak.hpp — what this machine can do with a device's threads, measured in a few tens of milliseconds.
//
// A rate is what one round of about a millisecond reached, a peak the best of many rounds, since other programs on the
// machine only ever make a round slower. Clocks change: a core that has rested multiplies faster than one that goes on
// (242 and 185 GFLOP/s, Sapphire Rapids), so a benchmark holds each run against a round that directly follows it.
#pragma once

#include <longsky/core/buffer.hpp>
#include <longsky/core/parallel.hpp>
#include <longsky/cpu/device.hpp>
#include <longsky/cpu/gemm.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>

namespace longsky::cpu {

template <class Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// FLOP/s of a register block whose factors never leave the first level of cache, on all threads, in one round.
template <class Factors>
double register_block_rate(Device& device) {
  constexpr std::int64_t depth = 64, repeats = 4000, apart = 16;
  using Element = typename Factors::Element;
  const int threads = device.threads();
  // From memory, since factors that the compiler knew would leave it nothing to multiply.
  float* const memory = device.scratch(Scratch::reduction, depth * gemm_rows + threads * apart);
  auto* const of_a = reinterpret_cast<Element*>(memory);
  std::fill_n(of_a, depth * gemm_rows, Element{1});
  float* const ends = memory + depth * gemm_rows;
  const double seconds = seconds_of([&] {
    parallel_for(threads, threads, [&](std::int64_t thread) {
      typename Factors::Elements of_b[block_vecs];
      std::memcpy(of_b, of_a, sizeof of_b);
      Vec sums[gemm_rows][block_vecs] = {};
      for (std::int64_t repeat = 0; repeat < repeats; ++repeat) {
        asm volatile("" ::: "memory");  // or equal products of all repeats are formed once
        for (std::int64_t k = 0; k < depth; ++k)
          unrolled<gemm_rows>([&](auto i) __attribute__((always_inline)) {
            const auto a = Factors::spread(of_a[k * gemm_rows + i]);
            unrolled<block_vecs>([&](auto v) __attribute__((always_inline)) {
              sums[i][v] = Factors::multiply_add(sums[i][v], a, of_b[v]);
            });
          });
      }
      Vec all{};
      unrolled<gemm_rows>([&](auto i) { unrolled<block_vecs>([&](auto v) { all += sums[i][v]; }); });
      ends[thread * apart] = sum(all);
    });
  });
  return 2.0 * static_cast<double>(repeats * depth * threads) * gemm_rows * gemm_panel * Factors::depth / seconds;
}

/// Multiplications and additions of floats per second, each counted, on all threads of the device.
inline double fma_rate(Device& device) { return register_block_rate<FloatFactors>(device); }

/// The same with bfloat16 factors; about fma_rate where the machine has no instructions for them.
inline double bf16_rate(Device& device) { return register_block_rate<Bf16Factors>(device); }

/// The best of `rounds` rates.
template <class Rate>
double peak_of(int rounds, const Rate& rate) {
  double best = 0;
  for (int round = 0; round < rounds; ++round) best = std::max(best, rate());
  return best;
}

inline double fma_peak(Device& device) {
  return peak_of(20, [&] { return fma_rate(device); });
}

/// The peak that a program's fractions are of: here the float one, whatever factors are rounded to.
template <class Precision>
double peak_flops(Device& device) {
  return fma_peak(device);
}

/// Copies 32 MiB and says the bytes read and written per second.
class CopyRate {
 public:
  double operator()(Device& device) {
    const double seconds = seconds_of([&] {
      parallel_chunks(device.threads(), floats, 1 << 16, [&](std::int64_t first, std::int64_t last, std::int64_t) {
        for (std::int64_t i = first; i < last; i += vec_width) store(to_.data() + i, load(from_.data() + i));
      });
    });
    return 2.0 * sizeof(float) * static_cast<double>(floats) / seconds;
  }

 private:
  static constexpr std::int64_t floats = std::int64_t{8} << 20;
  Buffer<float> from_{floats}, to_{floats};
};

}  // namespace longsky::cpu
