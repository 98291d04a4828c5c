// longsky/cuda/adamw.cuh — AdamW, Adam with decoupled weight decay; the formula is in spec/adamw.hpp.
//
// Weights and moments are float. Where the network computes in a smaller type, the update also writes the weights in
// it.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/cuda/elementwise.cuh>
#include <longsky/cuda/vec.cuh>
#include <longsky/spec/adamw.hpp>

#include <cmath>
#include <cstdint>
#include <span>

namespace longsky::cuda {

namespace kernel {

/// Item i is a vector of four weights, of which the last may be cut short.
template <class T>
struct AdamWStep {
  float *w, *m, *v;
  const float* g;
  T* copy;  // of the weights, or nullptr
  std::int64_t size;
  AdamWUpdate update;
  float to_m_hat, to_v_hat;

  __device__ void one(float& weight, float& mean, float& square, float gradient) const {
    gradient *= update.gradient_scale;
    mean = update.beta1 * mean + (1 - update.beta1) * gradient;
    square = update.beta2 * square + (1 - update.beta2) * gradient * gradient;
    const float direction = mean * to_m_hat / (sqrtf(square * to_v_hat) + update.eps);
    weight -= update.lr * (direction + update.weight_decay * weight);
  }
  __device__ void operator()(std::int64_t i) const {
    constexpr int vec = Vec<float>::size;
    const std::int64_t first = i * vec;
    if (first + vec <= size) {
      auto weight = Vec<float>::load(w + first), mean = Vec<float>::load(m + first),
           square = Vec<float>::load(v + first);
      const auto gradient = Vec<float>::load(g + first);
#pragma unroll
      for (int j = 0; j < vec; ++j) one(weight.lane[j], mean.lane[j], square.lane[j], gradient.lane[j]);
      weight.store(w + first);
      mean.store(m + first);
      square.store(v + first);
      if (copy)
#pragma unroll
        for (int j = 0; j < vec; ++j) copy[first + j] = static_cast<T>(weight.lane[j]);
      return;
    }
    for (std::int64_t j = first; j < size; ++j) {
      one(w[j], m[j], v[j], g[j]);
      if (copy) copy[j] = static_cast<T>(w[j]);
    }
  }
};

}  // namespace kernel

/// Updates the weights and both moments in place; the four spans are of one size and begin on 16 bytes. Writes the
/// weights as T to `copy` too, if there is one.
template <class T = bf16>
void adamw_step(Device& device, std::span<float> w, std::span<float> m, std::span<float> v, std::span<const float> g,
                const AdamWUpdate& update, T* copy = nullptr) {
  const auto size = static_cast<std::int64_t>(w.size());
  constexpr int vec = Vec<float>::size;
  for_each(device, (size + vec - 1) / vec,
           kernel::AdamWStep<T>{w.data(), m.data(), v.data(), g.data(), copy, size, update,
                                update.correction(update.beta1), update.correction(update.beta2)});
}

}  // namespace longsky::cuda
