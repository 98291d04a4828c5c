// tests/package/cuda_consumer/main.cu — someone else's program for a GPU, with an installed longsky: it says on how many
// threads its host side runs, then names the GPU, or says why there is none.
#include <longsky/core/parallel.hpp>
#include <longsky/cuda.cuh>

#include <omp.h>

#include <iostream>

int main() try {
  int threads[4] = {};
  longsky::parallel_for(4, 4, [&](std::int64_t i) { threads[i] = omp_get_num_threads(); });
  std::cout << threads[0] << " threads\n";
  longsky::cuda::Device device;
  longsky::cuda::MatmulPlans products;  // which links cuBLASLt
  std::cout << "GPU: " << device.description() << '\n';
} catch (const longsky::Error& error) {
  std::cout << error.what() << '\n';
  return static_cast<int>(error.code());
}
