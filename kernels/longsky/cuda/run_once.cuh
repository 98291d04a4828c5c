// longsky/cuda/run_once.cuh — a few lines of arithmetic that belong where the numbers are: one thread.
#pragma once

#include <longsky/cuda/launch.cuh>

namespace longsky::cuda {

namespace kernel {

template <class F>
__global__ void run_once(F f) {
  f();
}

}  // namespace kernel

/// Calls f() once, in the order of the stream. f is a plain struct of numbers and pointers to device memory, of at most
/// 4 KiB.
template <class F>
void run_once(Device& device, const F& f) {
  static_assert(sizeof(F) <= 4096, "longsky: what a kernel is given by value must fit in 4 KiB");
  launch(device, {1, 1}, kernel::run_once<F>, f);
}

}  // namespace longsky::cuda
