// longsky/cuda/matrix.cuh — the tensor cores of sm_80 and up, and the tiles in shared memory that feed them.
//
//   C[16, 8] += A[16, 16] B[16, 8], bfloat16 factors, float sums, one product a warp.
//
// With g = lane / 4 and t = lane % 4, a lane holds (PTX ISA, mma.m16n8k16):
//
//   A: rows g, g + 8, g, g + 8 at columns 2t, 2t, 2t + 8, 2t + 8, two neighbours each
//   B: rows 2t and 2t + 1, then 2t + 8 and 2t + 9, of column g
//   C: row g at columns 2t, 2t + 1, then row g + 8
//
// The emulation has a twin of this file.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/cuda/shared.cuh>
#include <longsky/cuda/swizzle.cuh>
#include <longsky/cuda/warp.cuh>

#include <cuda_runtime.h>

#include <cstdint>

namespace longsky::cuda {

/// c += a b
inline __device__ void multiply_add(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// Rows of D bfloat16 in shared memory, their chunks of 16 bytes swizzled. Declare it __shared__.
template <int Rows, int D>
class SharedTile {
 public:
  using Places = Swizzle<D>;

  /// Begins to copy one chunk from global memory, or zeros where there is nothing to copy: nothing is read then.
  __device__ void copy_async(unsigned row, unsigned at, const bf16* from, bool there) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(begin() + Places::bytes(row, at)), "l"(from),
                 "r"(there ? 16 : 0));
  }

  /// Four 8 x 8 matrices; lane i names the row and chunk, 2 * pair + odd, of row i % 8 of matrix i / 8. A lane receives
  /// two neighbours of row lane / 4, or with Transposed of column lane / 4. `pair` is one for the warp.
  template <bool Transposed>
  __device__ void load_matrices(std::uint32_t (&to)[4], unsigned row, unsigned odd, unsigned pair) {
    const std::uint32_t from = begin() + Places::bytes(row, odd, pair);
    if constexpr (Transposed)
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                   : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                   : "r"(from));
    else
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                   : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                   : "r"(from));
  }

  /// The warp stores an 8 x 8 matrix, a chunk of the rows from `row` on; a lane gives two neighbours of row lane / 4.
  __device__ void store_matrix(unsigned row, unsigned at, std::uint32_t pair) {
    const unsigned lane = opaque_lane();
    pair_[(Places::bytes(row + lane / 4, at) + lane % 4 * 4) / 4] = pair;
  }

 private:
  __device__ std::uint32_t begin() const { return shared_address(pair_); }

  alignas(128) std::uint32_t pair_[Rows * D / 2];
};

}  // namespace longsky::cuda
