// longsky/cuda/atomic.cuh — additions by many threads to one place. The emulation has a twin of this file.
#pragma once

#include <cuda_runtime.h>

namespace longsky::cuda {

/// *to += x, whole; in which order, nobody says.
inline __device__ void add_atomically(float* to, float x) { atomicAdd(to, x); }

}  // namespace longsky::cuda
