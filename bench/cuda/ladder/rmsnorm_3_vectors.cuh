// bench/cuda/ladder/rmsnorm_3_vectors.cuh — rung 3: eight neighbours a load, 16 bytes, the most that one instruction
// brings.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/cuda/launch.cuh>
#include <longsky/cuda/vec.cuh>
#include <longsky/cuda/warp.cuh>

#include <cstdint>

namespace longsky::ladder {

// begin: kernel
template <int C>
__global__ void rmsnorm_vectors(bf16* y, const bf16* x, const float* w, float eps, std::int64_t rows) {
  using Vec = cuda::Vec<bf16>;
  constexpr int step = cuda::warp_size * Vec::size;
  const int first = static_cast<int>(threadIdx.x) % cuda::warp_size * Vec::size;
  const std::int64_t t = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / cuda::warp_size;
  if (t >= rows) return;
  float squares = 0;
  for (int c = first; c < C; c += step) {
    const Vec in = Vec::load(x + t * C + c);
#pragma unroll
    for (int j = 0; j < Vec::size; ++j) squares += in[j] * in[j];
  }
  const float scale = 1 / sqrtf(cuda::warp_sum(squares) / C + eps);
  for (int c = first; c < C; c += step) {
    const Vec in = Vec::load(x + t * C + c);
    float out[Vec::size];
#pragma unroll
    for (int j = 0; j < Vec::size; ++j) out[j] = in[j] * scale * w[c + j];
    Vec::of(out).store(y + t * C + c);
  }
}
// end: kernel

struct Vectors {
  template <int C>
  static void run(cuda::Device& device, Rows<bf16, C> y, Rows<const bf16, C> x, const float* w, float eps) {
    static_assert(C % cuda::Vec<bf16>::size == 0);
    constexpr int rows = 4, threads = rows * cuda::warp_size;
    cuda::launch(device, {(x.count + rows - 1) / rows, threads}, rmsnorm_vectors<C>, y.data, x.data, w, eps, x.count);
  }
};

}  // namespace longsky::ladder
