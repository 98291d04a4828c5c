// bench/cuda/ladder/rmsnorm_4_registers.cuh — rung 4: the row stays in registers between its sum and its scaling, and
// all its loads are under way before the first is used.
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
__global__ void rmsnorm_registers(bf16* y, const bf16* x, const float* w, float eps, std::int64_t rows) {
  using Vec = cuda::Vec<bf16>;
  constexpr int step = cuda::warp_size * Vec::size, rounds = (C + step - 1) / step;
  const int first = static_cast<int>(threadIdx.x) % cuda::warp_size * Vec::size;
  const std::int64_t t = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / cuda::warp_size;
  if (t >= rows) return;
  Vec kept[rounds];  // of compile-time size and indexed by an unrolled loop, or it would lie in memory
#pragma unroll
  for (int i = 0; i < rounds; ++i)
    if (first + i * step < C) kept[i] = Vec::load(x + t * C + first + i * step);
  float squares = 0;
#pragma unroll
  for (int i = 0; i < rounds; ++i)
    if (first + i * step < C)
#pragma unroll
      for (int j = 0; j < Vec::size; ++j) squares += kept[i][j] * kept[i][j];
  const float scale = 1 / sqrtf(cuda::warp_sum(squares) / C + eps);
#pragma unroll
  for (int i = 0; i < rounds; ++i) {
    const int c = first + i * step;
    if (c >= C) continue;
    float out[Vec::size];
#pragma unroll
    for (int j = 0; j < Vec::size; ++j) out[j] = kept[i][j] * scale * w[c + j];
    Vec::of(out).store(y + t * C + c);
  }
}
// end: kernel

struct Registers {
  template <int C>
  static void run(cuda::Device& device, Rows<bf16, C> y, Rows<const bf16, C> x, const float* w, float eps) {
    static_assert(C % cuda::Vec<bf16>::size == 0);
    constexpr int rows = 4, threads = rows * cuda::warp_size;
    cuda::launch(device, {(x.count + rows - 1) / rows, threads}, rmsnorm_registers<C>, y.data, x.data, w, eps, x.count);
  }
};

}  // namespace longsky::ladder
