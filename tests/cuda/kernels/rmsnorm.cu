// What is shipped of longsky/cuda/rmsnorm.cuh, compiled to be looked at.
#include <longsky/cuda/rmsnorm.cuh>

namespace longsky::cuda {

template <int C, class T>
void instantiate(Device& device) {
  rmsnorm_forward<C, T>(device, {}, nullptr, {}, nullptr, 0);
  rmsnorm_backward<C, T>(device, {}, nullptr, {}, {}, nullptr, nullptr);
}
template void instantiate<128, float>(Device&);
template void instantiate<768, bf16>(Device&);
template void instantiate<2048, bf16>(Device&);
template void instantiate<4096, bf16>(Device&);
template void instantiate<4608, bf16>(Device&);

}  // namespace longsky::cuda
