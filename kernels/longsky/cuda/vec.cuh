// longsky/cuda/vec.cuh — neighbouring elements that move as one 16-byte load, computed in float.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/cuda/arithmetic.cuh>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace longsky::cuda {

/// As many T as one load brings, or fewer.
template <class T, int Size = 16 / static_cast<int>(sizeof(T))>
struct alignas(Size * sizeof(T)) Vec {
  static constexpr int size = Size;
  T lane[std::size_t{size}];

  static __device__ Vec load(const T* from) { return *reinterpret_cast<const Vec*>(from); }
  __device__ void store(T* to) const { *reinterpret_cast<Vec*>(to) = *this; }
  __device__ float operator[](int i) const { return static_cast<float>(lane[i]); }

  /// Each number rounded to T.
  static __device__ Vec of(const float (&x)[std::size_t{size}]) {
    if constexpr (sizeof(T) == sizeof(float)) {
      Vec exact;
#pragma unroll
      for (int i = 0; i < size; ++i) exact.lane[i] = x[i];
      return exact;
    } else {
      struct Pairs {
        std::uint32_t pair[std::size_t{size / 2}];
      } rounded;
#pragma unroll
      for (int i = 0; i < size / 2; ++i) rounded.pair[i] = pack_bf16(x[2 * i], x[2 * i + 1]);
      return std::bit_cast<Vec>(rounded);
    }
  }
};

/// x += from, and to = x: neighbouring floats that move as loads and stores of 16 bytes.
template <std::size_t N>
__device__ void add_floats(float (&x)[N], const float* from) {
#pragma unroll
  for (int first = 0; first < static_cast<int>(N); first += Vec<float>::size) {
    const auto some = Vec<float>::load(from + first);
#pragma unroll
    for (int j = 0; j < Vec<float>::size; ++j) x[first + j] += some[j];
  }
}
template <std::size_t N>
__device__ void store_floats(float* to, const float (&x)[N]) {
#pragma unroll
  for (int first = 0; first < static_cast<int>(N); first += Vec<float>::size)
    Vec<float>{x[first], x[first + 1], x[first + 2], x[first + 3]}.store(to + first);
}

}  // namespace longsky::cuda
