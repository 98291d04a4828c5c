// What is shipped of longsky/cuda/cross_entropy.cuh, compiled to be looked at; the products are cuBLASLt's.
#include <longsky/cuda/cross_entropy.cuh>

namespace longsky::cuda {

template <class Precision, int V, int C>
void instantiate(Device& device) {
  using T = ElementOf<Precision>;
  cross_entropy_forward<Precision, V, C>(device, nullptr, nullptr, Rows<T, C>{}, {}, nullptr);
  cross_entropy_forward_backward<Precision, V, C>(device, nullptr, Rows<T, C>{}, nullptr, {}, {}, nullptr, 1);
}
template void instantiate<Fp32, 512, 128>(Device&);
template void instantiate<Bf16, 50257, 768>(Device&);
template void instantiate<Bf16, 128256, 4096>(Device&);

}  // namespace longsky::cuda
