// longsky/spec/cost.hpp — what a model costs: parameters and floating-point operations, exact and constexpr.
//
//   forward, per token:  2 P_body + 2 V C (where there is a loss) + attention;   backward: twice that
//   causal attention, per head and sequence of T:  forward 2 T^2 D, backward 5 T^2 D  (what a flash kernel multiplies)
#pragma once

#include <longsky/spec/model.hpp>

#include <cstdint>

namespace longsky {

/// Parameters of one block's matrices (what a token is multiplied with).
constexpr std::int64_t block_matrix_parameters(const ModelSpec& m) {
  const std::int64_t c = m.width, f = m.ffn;
  return c * m.qkv_width() + c * c + 3 * c * f;
}

/// All parameters of a model of Llama's shape, gains and biases included.
constexpr std::int64_t parameters(const ModelSpec& m) {
  const std::int64_t c = m.width, v = m.vocab;
  return v * c * (m.tied ? 1 : 2) + c +
         m.layers * (block_matrix_parameters(m) + 2 * c + (m.qkv_bias ? m.qkv_width() : 0));
}

/// Floating-point operations, counted as the model needs them: recomputation is not counted.
struct Flops {
  double body = 0;       ///< the blocks' matrices
  double head = 0;       ///< the language-model head, over trained tokens
  double attention = 0;  ///< causal attention
  constexpr double total() const { return body + head + attention; }
  friend constexpr Flops operator+(const Flops& a, const Flops& b) {
    return {a.body + b.body, a.head + b.head, a.attention + b.attention};
  }
};

/// One forward pass over `sequences` sequences of `context` tokens of which `trained` have a loss.
constexpr Flops forward_flops(const ModelSpec& m, double sequences, double context, double trained) {
  return {2.0 * sequences * context * m.layers * static_cast<double>(block_matrix_parameters(m)),
          2.0 * trained * m.vocab * m.width, 2.0 * sequences * context * context * m.width * m.layers};
}

/// One forward and backward pass.
constexpr Flops training_flops(const ModelSpec& m, double sequences, double context, double trained) {
  const Flops f = forward_flops(m, sequences, context, trained);
  return {3 * f.body, 3 * f.head, 3.5 * f.attention};
}

}  // namespace longsky
