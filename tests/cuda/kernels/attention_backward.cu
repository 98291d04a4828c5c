// What is shipped of longsky/cuda/attention_backward.cuh and attention_atomic.cuh, compiled to be looked at.
#include <longsky/cuda/attention_atomic.cuh>
#include <longsky/cuda/attention_backward.cuh>

namespace longsky::cuda {

template <class Mask, int H, int KV, int D, class AnyDevice = Device>
void instantiate(AnyDevice& device) {
  attention_backward<Mask, H, KV, D>(device, nullptr, nullptr, nullptr, {}, {}, nullptr, nullptr, nullptr, nullptr, {});
}
template void instantiate<Causal, 12, 12, 32>(Device&);
template void instantiate<Causal, 12, 12, 64>(Device&);
template void instantiate<Causal, 32, 8, 128>(Device&);
template void instantiate<WithinDocument<>, 12, 12, 64>(Device&);
template void instantiate<WithinDocument<>, 32, 8, 128>(Device&);
template void instantiate<Causal, 12, 12, 32>(AtomicDevice&);
template void instantiate<WithinDocument<>, 12, 12, 64>(AtomicDevice&);
template void instantiate<Causal, 32, 8, 128>(AtomicDevice&);

}  // namespace longsky::cuda
