// longsky/nn/device.hpp — what a device must offer a network: memory, ways to it, and every op, found by the device
// argument.
//
// A new device is a namespace with these functions. The network and the trainer are compiled against it unchanged.
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/spec/adamw.hpp>
#include <longsky/spec/attention.hpp>
#include <longsky/spec/mask.hpp>
#include <longsky/spec/pass.hpp>
#include <longsky/spec/precision.hpp>

#include <concepts>
#include <cstdint>
#include <span>
#include <string>

namespace longsky {

namespace device_check {

/// Sizes at which the ops are asked for; nothing is ever run.
inline constexpr int V = 64, C = 64, F = 64, H = 2, KV = 1, D = 32, Q = (H + 2 * KV) * D;

struct Nothing {
  LONGSKY_HD void operator()() const {}
};

using Tokens = std::span<const std::int32_t>;

}  // namespace device_check

/// Memory of the device's own, and how the host reaches it.
template <class X>
concept DeviceMemory = requires(X& device, const Pass& pass, float* numbers, typename X::Staging& staging,
                                typename X::Recording& recording, typename X::template Readback<double>& readback,
                                const double* result) {
  typename X::template Element<Fp32>;
  typename X::template Element<Bf16>;
  typename X::template Array<float>;
  { X::shares_host_memory } -> std::convertible_to<bool>;
  { device.memory_bytes() } -> std::same_as<std::int64_t>;
  { device.description() } -> std::convertible_to<std::string>;
  device.upload(numbers, numbers, std::int64_t{});
  device.download(numbers, numbers, std::int64_t{});
  { staging.put(pass) } -> std::convertible_to<Pass>;
  recording.run(device, WorkKey{}, device_check::Nothing{});
  { device.runs_ahead() } -> std::same_as<bool>;
  readback.begin(result);
  { readback.take() } -> std::convertible_to<double>;
};

/// The ops on rows and tables whose elements are T.
template <class X, class T>
concept RowOps = requires(X& device, T* t, float* f, device_check::Tokens tokens, Rows<T, 64> rows,
                          Rows<T, 2 * device_check::F> gate_up, Rows<T, device_check::Q> qkv,
                          Rows<float, 64> gradients) {
  embedding_forward<device_check::C>(device, rows, tokens, rows, 1.0f);
  embedding_backward<device_check::C>(device, gradients, tokens, rows, 1.0f);
  rmsnorm_forward<device_check::C>(device, rows, f, rows, t, 1e-6f);
  rmsnorm_backward<device_check::C>(device, rows, f, rows, rows, f, t);
  rope_forward<device_check::H, device_check::KV, device_check::D>(device, t, t, t, qkv, tokens, f, 1);
  rope_backward<device_check::H, device_check::KV, device_check::D>(device, qkv, t, t, t, tokens, f, 1);
  swiglu_forward<device_check::F>(device, rows, gate_up);
  swiglu_backward<device_check::F>(device, gate_up, rows, gate_up);
  copy_heads<device_check::D>(device, t, 1, 0, t, 1, 1, 1);
  fill_zero(device, std::span<T>());
};

/// Attention and the products with weights, under a precision policy.
template <class X, class Precision, class T = typename X::template Element<Precision>>
concept ProductOps = requires(X& device, T* t, float* f, std::int32_t* best, device_check::Tokens tokens,
                              Rows<T, 64> rows, AttentionBatch batch) {
  attention_forward<Causal, device_check::H, device_check::KV, device_check::D>(device, rows, f, t, t, t, batch);
  attention_backward<Causal, device_check::H, device_check::KV, device_check::D>(device, t, t, t, rows, rows, f, t, t,
                                                                                 t, batch);
  attention_bounds<Causal, device_check::H, device_check::KV, device_check::D, T>(device, best, batch);
  { X::attention_bounds_size(std::int64_t{}) } -> std::same_as<std::int64_t>;
  attention_decode<Causal, device_check::H, device_check::KV, device_check::D>(device, t, t, t, t, 1, 1);
  linear_forward<Precision, device_check::C, device_check::C>(device, rows, rows, t, nullptr, nullptr);
  linear_backward_input<Precision, device_check::C, device_check::C>(device, rows, rows, t);
  linear_backward_weight<Precision, device_check::C, device_check::C>(device, f, nullptr, rows, rows);
  cross_entropy_forward<Precision, device_check::V, device_check::C>(device, f, best, rows, tokens, t);
  cross_entropy_forward_backward<Precision, device_check::V, device_check::C>(device, f, rows, f, rows, tokens, t,
                                                                              1.0f);
};

/// What a step needs besides the network.
template <class X>
concept StepOps = requires(X& device, double* total, std::span<float> numbers, const StepScale* scale) {
  adamw_step(device, numbers, numbers, numbers, numbers, AdamWConstants{}, scale, static_cast<float*>(nullptr));
  sum_of_squares(device, total, numbers);
  add_sum(device, total, numbers);
  run_once(device, device_check::Nothing{});
};

/// What a Decoder and a Trainer run on.
template <class X>
concept Device = DeviceMemory<X> && RowOps<X, typename X::template Element<Fp32>> &&
    RowOps<X, typename X::template Element<Bf16>> && ProductOps<X, Fp32> && ProductOps<X, Bf16> && StepOps<X>;

}  // namespace longsky
