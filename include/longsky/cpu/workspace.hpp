// longsky/cpu/workspace.hpp — what the ops of a training step take of scratch memory, known when a recipe is compiled.
//
// Each use of scratch memory is as large as the most that one op asks of it, which the op's own file says. Not in it:
// what layers of one's own ask for.
#pragma once

#include <longsky/cpu/attention_backward.hpp>
#include <longsky/cpu/cross_entropy.hpp>
#include <longsky/cpu/device.hpp>
#include <longsky/cpu/global_norm.hpp>
#include <longsky/cpu/linear.hpp>
#include <longsky/cpu/rmsnorm.hpp>
#include <longsky/spec/model.hpp>
#include <longsky/spec/pass.hpp>

#include <cstdint>

namespace longsky::cpu {

/// Of a step of `Net` in which every token is trained.
template <class Net>
constexpr ScratchPlan step_scratch(const StepShape& s) {
  using Precision = typename Net::Precision;
  constexpr ModelSpec m = Net::model;
  const std::int64_t N = s.tokens();
  ScratchPlan plan = CrossEntropyPass<Precision, m.vocab, m.width>::scratch(N);
  plan.follow(
      attention_backward_scratch<typename Net::Mask, m.head_dim()>(s.sequences, s.context, m.heads, m.kv_heads));
  plan.follow(linear_scratch<Precision>(s.threads, N, m.qkv_width(), m.width));
  plan.follow(linear_scratch<Precision>(s.threads, N, m.width, m.width));
  plan.follow(linear_scratch<Precision>(s.threads, N, 2 * m.ffn, m.width));
  plan.follow(linear_scratch<Precision>(s.threads, N, m.width, m.ffn));
  plan.follow(rmsnorm_scratch(N, m.width));
  plan.follow(sum_scratch(N));
  return plan.follow(sum_scratch(s.weights));
}

template <class Net>
constexpr std::int64_t Device::workspace_bytes(const StepShape& shape) {
  return step_scratch<Net>(shape).bytes();
}

}  // namespace longsky::cpu
