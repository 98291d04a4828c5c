// What is shipped of longsky/cuda/linear.cuh, compiled to be looked at; the products are cuBLASLt's.
#include <longsky/cuda/linear.cuh>

namespace longsky::cuda {

template <class Precision, int N, int K>
void instantiate(Device& device) {
  using T = ElementOf<Precision>;
  linear_forward<Precision, N, K>(device, Rows<T, N>{}, Rows<const T, K>{}, nullptr, nullptr, nullptr);
  linear_forward<Precision, N, K>(device, Rows<float, N>{}, Rows<const T, K>{}, nullptr, nullptr, nullptr);
  linear_backward_input<Precision, N, K>(device, Rows<T, K>{}, {}, nullptr);
  linear_backward_weight<Precision, N, K>(device, nullptr, nullptr, Rows<T, N>{}, Rows<T, K>{});
}
template void instantiate<Fp32, 512, 128>(Device&);
template void instantiate<Bf16, 6144, 4096>(Device&);
template void instantiate<Bf16, 128256, 4096>(Device&);

}  // namespace longsky::cuda
