// What is shipped of longsky/cuda/attention_bounds.cuh, compiled to be looked at.
#include <longsky/cuda/attention_bounds.cuh>

namespace longsky::cuda {

template void attention_bounds<Causal, 12, 12, 64, bf16>(Device&, std::int32_t*, AttentionBatch);
template void attention_bounds<WithinDocument<>, 32, 8, 128, bf16>(Device&, std::int32_t*, AttentionBatch);

}  // namespace longsky::cuda
