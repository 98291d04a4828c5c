// bench/cuda/ladder/rmsnorm_1_thread_a_row.cuh — rung 1: the formula as one would write it for one row, a row a thread.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/cuda/launch.cuh>

#include <cstdint>

namespace longsky::ladder {

// begin: kernel
template <int C>
__global__ void rmsnorm_thread_a_row(bf16* y, const bf16* x, const float* w, float eps, std::int64_t rows) {
  const std::int64_t t = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (t >= rows) return;
  float squares = 0;
  for (int c = 0; c < C; ++c) squares += static_cast<float>(x[t * C + c]) * static_cast<float>(x[t * C + c]);
  const float scale = 1 / sqrtf(squares / C + eps);
  for (int c = 0; c < C; ++c) y[t * C + c] = static_cast<bf16>(static_cast<float>(x[t * C + c]) * scale * w[c]);
}
// end: kernel

struct ThreadARow {
  template <int C>
  static void run(cuda::Device& device, Rows<bf16, C> y, Rows<const bf16, C> x, const float* w, float eps) {
    constexpr int threads = 128;
    cuda::launch(device, {(x.count + threads - 1) / threads, threads}, rmsnorm_thread_a_row<C>, y.data, x.data, w, eps,
                 x.count);
  }
};

}  // namespace longsky::ladder
