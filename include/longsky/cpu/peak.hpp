// longsky/cpu/peak.hpp — what this machine can do with a device's threads, measured in a few tens of milliseconds.
//
// The best of many short rounds on all threads at once, since other programs only ever make a round slower. Fractions
// of these peaks mean something only when both were measured in the same process.
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

/// Calls work() `rounds` times and returns the seconds of the fastest.
template <class Work>
double fastest_of(int rounds, const Work& work) {
  double fastest = 1e30;
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    work();
    fastest = std::min(fastest, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return fastest;
}

/// FLOP/s of a register block whose factors never leave the first level of cache.
template <class Factors>
double register_block_peak(Device& device) {
  constexpr std::int64_t depth = 64, repeats = 1000, apart = 16;
  using Element = typename Factors::Element;
  const int threads = device.threads();
  // From memory, since factors that the compiler knew would leave it nothing to multiply.
  float* const memory = device.scratch(Scratch::reduction, depth * gemm_rows + threads * apart);
  auto* const of_a = reinterpret_cast<Element*>(memory);
  std::fill_n(of_a, depth * gemm_rows, Element{1});
  float* const ends = memory + depth * gemm_rows;
  const double seconds = fastest_of(40, [&] {
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
inline double fma_peak(Device& device) { return register_block_peak<FloatFactors>(device); }

/// The same with bfloat16 factors; about fma_peak where the machine has no instructions for them.
inline double bf16_peak(Device& device) { return register_block_peak<Bf16Factors>(device); }

/// Bytes read and written per second while 32 MiB are copied.
inline double copy_bandwidth(Device& device) {
  constexpr std::int64_t floats = std::int64_t{8} << 20, chunk = 1 << 16;
  const Buffer<float> from(floats), to(floats);
  const double seconds = fastest_of(8, [&] {
    parallel_chunks(device.threads(), floats, chunk, [&](std::int64_t first, std::int64_t last, std::int64_t) {
      for (std::int64_t i = first; i < last; i += vec_width) store(to.data() + i, load(from.data() + i));
    });
  });
  return 2.0 * sizeof(float) * static_cast<double>(floats) / seconds;
}

}  // namespace longsky::cpu
