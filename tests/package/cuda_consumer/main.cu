// tests/package/cuda_consumer/main.cu — someone else's program for a GPU, with an installed longsky: it names the GPU,
// or says why there is none.
#include <longsky/cuda.cuh>

#include <iostream>

int main() try {
  longsky::cuda::Device device;
  longsky::cuda::MatmulPlans products;  // which links cuBLASLt
  std::cout << "GPU: " << device.description() << '\n';
} catch (const longsky::Error& error) {
  std::cout << error.what() << '\n';
  return static_cast<int>(error.code());
}
