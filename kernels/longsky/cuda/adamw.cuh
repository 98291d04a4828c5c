// longsky/cuda/adamw.cuh — AdamW, Adam with decoupled weight decay; the formula is in spec/adamw.hpp.
//
// Weights and moments are float, or all three are bfloat16: then each is rounded up or down at random, by a generator
// that counts (seed, step, element), with the chance that makes the mean right. What the network reads in a smaller
// type than the weights' is written with them.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/core/random.hpp>
#include <longsky/cuda/elementwise.cuh>
#include <longsky/cuda/vec.cuh>
#include <longsky/spec/adamw.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace longsky::cuda {

/// A float as bfloat16, rounded up with the chance of what is cut off, as `random` decides.
LONGSKY_HD inline bf16 rounded_at_random(float x, std::uint32_t random) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7f800000u) == 0x7f800000u) return bf16(x);  // infinite, or not a number
  bf16 result;
  result.bits = static_cast<std::uint16_t>((bits + (random & 0xffffu)) >> 16);
  return result;
}

namespace kernel {

/// Item i is a vector of four weights, of which the last may be cut short. W: what weights and moments are stored in.
template <class W, class T>
struct AdamWStep {
  static constexpr int vec = 4;
  W *w, *m, *v;
  const float* g;
  T* copy;  // of the weights, or nullptr
  std::int64_t size;
  AdamWConstants constants;
  const StepScale* step;

  static __device__ W stored(float x, std::uint32_t random) {
    if constexpr (sizeof(W) == sizeof(float))
      return x;
    else
      return rounded_at_random(x, random);
  }
  __device__ std::array<std::uint32_t, 4> bits_of(std::int64_t element, std::uint32_t half) const {
    const auto place = static_cast<std::uint64_t>(2 * element) + half, seed = step->seed;
    return philox({static_cast<std::uint32_t>(place), static_cast<std::uint32_t>(place >> 32),
                   static_cast<std::uint32_t>(step->step), stream_of("rounding")},
                  {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  }
  // `random` has 16 bits for each of the three numbers.
  __device__ void one(W& weight, W& mean, W& square, float gradient, std::uint32_t random, std::uint32_t other) const {
    gradient *= step->gradient_scale;
    const float m_new = constants.beta1 * static_cast<float>(mean) + (1 - constants.beta1) * gradient;
    const float v_new = constants.beta2 * static_cast<float>(square) + (1 - constants.beta2) * gradient * gradient;
    const float direction = m_new * step->to_m_hat / (sqrtf(v_new * step->to_v_hat) + constants.eps);
    const float old = static_cast<float>(weight);
    weight = stored(old - step->lr * (direction + constants.weight_decay * old), random);
    mean = stored(m_new, random >> 16);
    square = stored(v_new, other);
  }
  __device__ void operator()(std::int64_t i) const {
    if (step->skip != 0) return;
    const std::int64_t first = i * vec;
    std::array<std::uint32_t, 4> random{}, other{};
    if constexpr (sizeof(W) != sizeof(float)) {  // elements of one item share two blocks of the generator
      random = bits_of(constants.first + first, 0);
      other = bits_of(constants.first + first, 1);
    }
    if (first + vec <= size) {
      auto weight = Vec<W, vec>::load(w + first), mean = Vec<W, vec>::load(m + first),
           square = Vec<W, vec>::load(v + first);
      const auto gradient = Vec<float, vec>::load(g + first);
#pragma unroll
      for (int j = 0; j < vec; ++j)
        one(weight.lane[j], mean.lane[j], square.lane[j], gradient.lane[j], random[static_cast<std::size_t>(j)],
            other[static_cast<std::size_t>(j)]);
      weight.store(w + first);
      mean.store(m + first);
      square.store(v + first);
      if (copy) {
        float of_weights[vec];
#pragma unroll
        for (int j = 0; j < vec; ++j) of_weights[j] = weight[j];
        Vec<T, vec>::of(of_weights).store(copy + first);
      }
      return;
    }
#pragma unroll
    for (int j = 0; j < vec; ++j)  // a place in an array that is known only at run time would be memory
      if (const std::int64_t at = first + j; at < size) {
        one(w[at], m[at], v[at], g[at], random[static_cast<std::size_t>(j)], other[static_cast<std::size_t>(j)]);
        if (copy) copy[at] = static_cast<T>(static_cast<float>(w[at]));
      }
  }
};

}  // namespace kernel

/// Updates the weights and both moments in place; the four spans are of one size and begin on 16 bytes, or on 8 where
/// they are bfloat16. Writes the weights as T to `copy` too, if there is one. `step` is device memory.
template <class W, class T>
void adamw_step(Device& device, std::span<W> w, std::span<W> m, std::span<W> v, std::span<const float> g,
                const AdamWConstants& constants, const StepScale* step, T* copy) {
  using Body = kernel::AdamWStep<W, T>;
  const auto size = static_cast<std::int64_t>(w.size());
  for_each(device, (size + Body::vec - 1) / Body::vec,
           Body{w.data(), m.data(), v.data(), g.data(), copy, size, constants, step});
}

}  // namespace longsky::cuda
