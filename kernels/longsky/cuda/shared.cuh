// longsky/cuda/shared.cuh — memory that the threads of a block share, and copies into it that run on while they
// compute. In the emulation's twin of this file each access is watched: one that races with another between two
// barriers, or reads what nobody wrote, ends the test.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace longsky::cuda {

/// What a block shares as one struct. Grid::shared must say its size: it may be more than the 48 KiB that a variable
/// which is declared __shared__ may have.
template <class T>
__device__ T& shared_memory() {
  extern __shared__ __align__(128) unsigned char longsky_shared_memory[];
  return *reinterpret_cast<T*>(longsky_shared_memory);
}

inline __device__ std::uint32_t shared_address(const void* of) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(of));
}

/// Declare it __shared__, or have it in the struct of shared_memory.
template <class T, int N>
struct Shared {
  T element[N];
  __device__ T& operator[](int i) { return element[i]; }

  /// Begins to copy one element from global memory, or zero where there is nothing to copy.
  __device__ void copy_async(int i, const T* from, bool there) {
    static_assert(sizeof(T) == 4);
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(&element[i])), "l"(from),
                 "r"(there ? 4 : 0));
  }
};

/// Closes the group of copies that this thread began.
inline __device__ void commit_copies() { asm volatile("cp.async.commit_group;"); }

/// Waits until at most `Newest` of this thread's groups are under way. A barrier must follow before others read.
template <int Newest>
__device__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Newest) : "memory");
}

}  // namespace longsky::cuda
