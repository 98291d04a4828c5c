// What is shipped of the passes over rows and vectors, compiled to be looked at.
#include <longsky/cuda/adamw.cuh>
#include <longsky/cuda/column_sums.cuh>
#include <longsky/cuda/embedding.cuh>
#include <longsky/cuda/global_norm.cuh>
#include <longsky/cuda/rope.cuh>
#include <longsky/cuda/swiglu.cuh>

namespace longsky::cuda {

template <class T>
void instantiate(Device& device) {
  constexpr int C = 4096, F = 14336, H = 32, KV = 8, D = 128;
  embedding_forward<C, T>(device, {}, {}, {}, 0);
  embedding_backward<C, T>(device, {}, {}, {}, 0);
  add_column_sums<C, T>(device, nullptr, {});
  swiglu_forward<F, T>(device, {}, {});
  swiglu_backward<F, T>(device, {}, {}, {});
  rope_forward<H, KV, D, T>(device, nullptr, nullptr, nullptr, {}, {}, nullptr, 1);
  rope_backward<H, KV, D, T>(device, {}, nullptr, nullptr, nullptr, {}, nullptr, 1);
  sum_of_squares(device, nullptr, std::span<const T>{});
  add_sum(device, nullptr, std::span<const T>{});
  // float weights with a bfloat16 copy, and bfloat16 alone
  adamw_step(device, std::span<T>{}, {}, {}, {}, {}, nullptr, static_cast<bf16*>(nullptr));
}
template void instantiate<float>(Device&);
template void instantiate<bf16>(Device&);

}  // namespace longsky::cuda
