// longsky/cuda/atomic.cuh — additions by many threads to one place. The emulation has a twin of this file.
#pragma once

#include <cuda_runtime.h>

namespace longsky::cuda {

/// to[0] += x and to[1] += y, each whole; in which order, nobody says. `to` is on 8 bytes.
inline __device__ void add_atomically(float* to, float x, float y) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  atomicAdd(reinterpret_cast<float2*>(to), make_float2(x, y));
#else
  atomicAdd(to, x);
  atomicAdd(to + 1, y);
#endif
}

}  // namespace longsky::cuda
