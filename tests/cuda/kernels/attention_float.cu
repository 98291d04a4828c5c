// What is shipped of longsky/cuda/attention_float.cuh and attention_decode.cuh, compiled to be looked at.
#include <longsky/cuda/attention_decode.cuh>
#include <longsky/cuda/attention_float.cuh>

namespace longsky::cuda {

template <class Mask, int H, int KV, int D>
void instantiate(Device& device) {
  attention_forward<Mask, H, KV, D>(device, Rows<float, H * D>{}, nullptr, nullptr, nullptr, nullptr, {});
  attention_backward<Mask, H, KV, D>(device, static_cast<float*>(nullptr), nullptr, nullptr, {}, {}, nullptr, nullptr,
                                     nullptr, nullptr, {});
  attention_decode<Mask, H, KV, D, float>(device, nullptr, nullptr, nullptr, nullptr, 1, 1);
  attention_decode<Mask, H, KV, D, bf16>(device, nullptr, nullptr, nullptr, nullptr, 1, 1);
}
template void instantiate<Causal, 4, 4, 32>(Device&);
template void instantiate<WithinDocument<>, 12, 4, 64>(Device&);
template void instantiate<Causal, 32, 8, 128>(Device&);

}  // namespace longsky::cuda
