// bench/cuda/ladder/rmsnorm_2_warp_a_row.cuh — rung 2: a row a warp, so that neighbouring threads touch neighbouring
// elements.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/cuda/launch.cuh>
#include <longsky/cuda/warp.cuh>

#include <cstdint>

namespace longsky::ladder {

// begin: kernel
template <int C>
__global__ void rmsnorm_warp_a_row(bf16* y, const bf16* x, const float* w, float eps, std::int64_t rows) {
  const int lane = static_cast<int>(threadIdx.x) % cuda::warp_size;
  const std::int64_t t = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / cuda::warp_size;
  if (t >= rows) return;
  float squares = 0;
  for (int c = lane; c < C; c += cuda::warp_size)
    squares += static_cast<float>(x[t * C + c]) * static_cast<float>(x[t * C + c]);
  const float scale = 1 / sqrtf(cuda::warp_sum(squares) / C + eps);
  for (int c = lane; c < C; c += cuda::warp_size)
    y[t * C + c] = static_cast<bf16>(static_cast<float>(x[t * C + c]) * scale * w[c]);
}
// end: kernel

struct WarpARow {
  template <int C>
  static void run(cuda::Device& device, Rows<bf16, C> y, Rows<const bf16, C> x, const float* w, float eps) {
    constexpr int rows = 4, threads = rows * cuda::warp_size;
    cuda::launch(device, {(x.count + rows - 1) / rows, threads}, rmsnorm_warp_a_row<C>, y.data, x.data, w, eps,
                 x.count);
  }
};

}  // namespace longsky::ladder
