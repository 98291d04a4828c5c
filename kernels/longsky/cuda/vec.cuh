// longsky/cuda/vec.cuh — neighbouring elements that move as one 16-byte load, computed in float.
#pragma once

#include <longsky/core/half.hpp>

#include <cstdint>

namespace longsky::cuda {

/// As many T as one load brings, or fewer.
template <class T, int Size = 16 / static_cast<int>(sizeof(T))>
struct alignas(Size * sizeof(T)) Vec {
  static constexpr int size = Size;
  T lane[size];

  static __device__ Vec load(const T* from) { return *reinterpret_cast<const Vec*>(from); }
  __device__ void store(T* to) const { *reinterpret_cast<Vec*>(to) = *this; }
  __device__ float operator[](int i) const { return static_cast<float>(lane[i]); }
  __device__ void set(int i, float x) { lane[i] = static_cast<T>(x); }
};

}  // namespace longsky::cuda
