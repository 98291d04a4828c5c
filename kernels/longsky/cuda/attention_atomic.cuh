// longsky/cuda/attention_atomic.cuh — the backward pass of attention in one walk, for who does not need the same bits
// twice.
//
// A block of keys that has p and ds of a tile also adds ds k to the queries' gradients, in float and in whatever order
// the blocks come: 5 products instead of 7, and 4 bytes more an element of q. Which is faster is the GPU's to say.
#pragma once

#include <longsky/cuda/attention_backward.cuh>
#include <longsky/cuda/device.cuh>
#include <longsky/cuda/fill_zero.cuh>
#include <longsky/cuda/launch.cuh>
#include <longsky/spec/model.hpp>
#include <longsky/spec/pass.hpp>

#include <cmath>
#include <cstdint>
#include <span>
#include <type_traits>

namespace longsky::cuda {

/// A GPU on which attention in bfloat16 sums in any order; all else is Device. Name it where a program or a Trainer
/// names its device.
class AtomicDevice : public Device {
 public:
  using Device::Device;

  template <class Net>
  static constexpr std::int64_t workspace_bytes(const StepShape& shape) {
    constexpr ModelSpec m = Net::model;
    const std::int64_t sums =
        std::is_same_v<typename Net::Element, float> ? 0 : shape.tokens() * m.heads * m.head_dim() * 4;
    return Device::workspace_bytes<Net>(shape) + sums;
  }
};

namespace kernel {

/// dq = sums / sqrt(D), two elements a thread.
template <int D>
__global__ void attention_finish_queries(bf16* __restrict__ dq, const float* __restrict__ sums, std::int64_t pairs) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= pairs) return;
  const float scale = 1.0f / sqrtf(static_cast<float>(D));
  reinterpret_cast<std::uint32_t*>(dq)[i] = pack_bf16(sums[2 * i] * scale, sums[2 * i + 1] * scale);
}

}  // namespace kernel

/// As the one of Device, but for the order of dq's sums.
template <class Mask, int H, int KV, int D, class Tiles = AttentionTiles<D>>
void attention_backward(AtomicDevice& device, bf16* dq, bf16* dk, bf16* dv, Rows<const bf16, H * D> d_o,
                        Rows<const bf16, H * D> o, const float* lse, const bf16* q, const bf16* k, const bf16* v,
                        AttentionBatch batch) {
  constexpr int threads = 256;
  const std::int64_t size = batch.sequences * H * batch.context * D;
  const float* const delta = attention_delta<H, D>(device, d_o, o, batch);
  auto* const sums =
      static_cast<float*>(device.scratch(Scratch::query_sums, size * static_cast<std::int64_t>(sizeof(float))));
  fill_zero(device, std::span(sums, static_cast<std::size_t>(size)));
  attention_backward_keys<Mask, H, KV, D, Tiles>(device, dk, dv, sums, d_o, delta, lse, q, k, v, batch);
  launch(device, {(size / 2 + threads - 1) / threads, threads}, kernel::attention_finish_queries<D>, dq, sums,
         size / 2);
}

}  // namespace longsky::cuda
