// tests/cuda/host_threads.cu — the host side of a program that nvcc compiles runs a loop on as many threads as it asks
// for. Needs no GPU.
#include <longsky/core/parallel.hpp>

#include <omp.h>

#include <iostream>

int main() {
  int threads[4] = {};
  longsky::parallel_for(4, 4, [&](std::int64_t i) { threads[i] = omp_get_num_threads(); });
  std::cout << "parallel_for(4, ...) runs on " << threads[0] << " threads\n";
  return threads[0] == 4 ? 0 : 1;
}
