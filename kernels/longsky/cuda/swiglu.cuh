// longsky/cuda/swiglu.cuh — the gated unit of the feed-forward layer (Shazeer 2020, arXiv 2002.05202).
//
//   y = silu(gate) * up,  silu(g) = g * s,  s = 1 / (1 + e^-g)
//   dup = dy * silu(gate),  dgate = dy * up * s * (1 + g * (1 - s))
//
// A row of `gate_up` holds F gates, then F ups.
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cuda/elementwise.cuh>
#include <longsky/cuda/vec.cuh>

#include <cmath>
#include <cstdint>

namespace longsky::cuda {

namespace kernel {

inline __device__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

/// Where vector i of a row of F elements lies in a row of 2 F: its gates, with the ups F elements on.
template <class T, int F>
struct GateUp {
  static constexpr int vec = Vec<T>::size, vectors = F / vec;
  static_assert(F % vec == 0, "longsky: a row must be a whole number of 16-byte loads; pad ModelSpec.ffn");
  static __device__ std::int64_t gate(std::int64_t i) { return i / vectors * 2 * F + i % vectors * vec; }
};

template <class T, int F>
struct SwigluForward {
  T* y;
  const T* gate_up;
  __device__ void operator()(std::int64_t i) const {
    const T* const from = gate_up + GateUp<T, F>::gate(i);
    const auto gate = Vec<T>::load(from), up = Vec<T>::load(from + F);
    float out[Vec<T>::size];
#pragma unroll
    for (int j = 0; j < Vec<T>::size; ++j) out[j] = gate[j] * sigmoid(gate[j]) * up[j];
    Vec<T>::of(out).store(y + i * Vec<T>::size);
  }
};

template <class T, int F>
struct SwigluBackward {
  T* dgate_up;
  const T* dy;
  const T* gate_up;
  __device__ void operator()(std::int64_t i) const {
    const std::int64_t place = GateUp<T, F>::gate(i);
    const auto gate = Vec<T>::load(gate_up + place), up = Vec<T>::load(gate_up + place + F),
               d = Vec<T>::load(dy + i * Vec<T>::size);
    float of_gate[Vec<T>::size], of_up[Vec<T>::size];
#pragma unroll
    for (int j = 0; j < Vec<T>::size; ++j) {
      const float s = sigmoid(gate[j]);
      of_gate[j] = d[j] * up[j] * s * (1.0f + gate[j] * (1.0f - s));
      of_up[j] = d[j] * gate[j] * s;
    }
    Vec<T>::of(of_gate).store(dgate_up + place);
    Vec<T>::of(of_up).store(dgate_up + place + F);
  }
};

}  // namespace kernel

/// Writes every element of `y`.
template <int F, class T>
void swiglu_forward(Device& device, Rows<T, F> y, In<T, 2 * F> gate_up) {
  for_each(device, y.count * kernel::GateUp<T, F>::vectors, kernel::SwigluForward<T, F>{y.data, gate_up.data});
}

/// Writes every element of `dgate_up`, which may be `gate_up` itself.
template <int F, class T>
void swiglu_backward(Device& device, Rows<T, 2 * F> dgate_up, In<T, F> dy, In<T, 2 * F> gate_up) {
  for_each(device, dy.count * kernel::GateUp<T, F>::vectors,
           kernel::SwigluBackward<T, F>{dgate_up.data, dy.data, gate_up.data});
}

}  // namespace longsky::cuda
