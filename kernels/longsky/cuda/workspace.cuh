// longsky/cuda/workspace.cuh — what the ops of a training step take of scratch memory, known when a recipe is compiled.
//
// Each use of scratch memory is as large as the most that one op asks of it. Not in it: what CUB's sort of the tokens
// takes, which the library says only when it runs, some bytes a token.
#pragma once

#include <longsky/cuda/column_sums.cuh>
#include <longsky/cuda/cross_entropy.cuh>
#include <longsky/cuda/global_norm.cuh>
#include <longsky/cuda/matmul.cuh>
#include <longsky/cuda/rmsnorm.cuh>
#include <longsky/spec/model.hpp>

#include <algorithm>
#include <cstdint>

namespace longsky::cuda {

template <class Net>
constexpr std::int64_t Device::workspace_bytes(const StepShape& shape) {
  using T = typename Net::Element;
  constexpr ModelSpec m = Net::model;
  constexpr std::int64_t in_float = sizeof(float), in_element = sizeof(T), C = m.width;
  using Logits = CrossEntropyTile<m.vocab>;
  const std::int64_t tokens = shape.tokens();
  const std::int64_t logits = std::min(Logits::tokens, tokens) * (Logits::leading * in_float + C * in_element);
  const std::int64_t norms = rmsnorm_backward_blocks<T, m.width>(tokens) * C * in_float;
  const std::int64_t biases = m.qkv_bias ? column_sum_runs(tokens) * m.qkv_width() * in_float : 0;
  const std::int64_t deltas = tokens * m.heads * in_float;
  const std::int64_t partial_sums = std::max(sum_blocks<NormTile>(shape.weights), sum_blocks<NormTile>(tokens)) * 8;
  const std::int64_t sorted = 3 * tokens * static_cast<std::int64_t>(sizeof(std::int32_t));
  return MatmulPlans::workspace + logits + std::max({norms, biases, deltas, partial_sums}) + sorted;
}

}  // namespace longsky::cuda
