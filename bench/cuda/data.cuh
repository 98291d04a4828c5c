// bench/cuda/data.cuh — the GPU of a benchmark program, and random numbers in its memory.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/core/random.hpp>
#include <longsky/cuda/attention_atomic.cuh>
#include <longsky/cuda/peak.cuh>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace longsky::bench {

/// The GPU that all benchmarks of this process use; as AtomicDevice, what has two ways takes the other.
inline cuda::AtomicDevice& atomic_gpu() {
  static cuda::AtomicDevice device;
  return device;
}
inline cuda::Device& gpu() { return atomic_gpu(); }

/// `size` numbers on the GPU, uniform in [-1, 1); another `stream`, other numbers.
template <class T>
cuda::Memory<T> filled(std::int64_t size, std::uint32_t stream) {
  return cuda::random_numbers<T>(gpu(), size, stream);
}

template <class T>
cuda::Memory<T> uploaded(const std::vector<T>& values) {
  cuda::Memory<T> memory(static_cast<std::int64_t>(values.size()));
  gpu().upload(memory.data(), values.data(), memory.size());
  return memory;
}

/// `size` numbers in {0, …, below - 1}, on the host.
inline std::vector<std::int32_t> integers(std::int64_t size, std::uint32_t below, const char* stream) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(size));
  Random random(1, stream_of(stream), 0);
  for (std::int32_t& value : values) value = static_cast<std::int32_t>(random.below(below));
  return values;
}

}  // namespace longsky::bench
