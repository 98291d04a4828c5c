// longsky/cuda/shared.cuh — memory that the threads of a block share. In the emulation's twin of this file each access
// is watched: one that races with another between two barriers, or reads what nobody wrote, ends the test.
#pragma once

namespace longsky::cuda {

/// Declare it __shared__.
template <class T, int N>
struct Shared {
  T element[N];
  __device__ T& operator[](int i) { return element[i]; }
};

}  // namespace longsky::cuda
