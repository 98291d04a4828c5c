// bench/nn/timed_device.hpp — a device that runs every op on the CPU and adds its seconds to the account of its kind.
//
// The network finds these ops by its device argument, as it would find a GPU's: nothing in the library knows of them.
#pragma once

#include <longsky/cpu/cpu.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

namespace timed {

using longsky::Rows;
using Tokens = std::span<const std::int32_t>;
using Clock = std::chrono::steady_clock;

enum class Account { gemm, attention, head, elementwise, optimizer, count };
inline constexpr std::array<const char*, static_cast<std::size_t>(Account::count)> account_names = {
    "gemm", "attention", "head", "elementwise", "optimizer"};

struct Device {
  template <class Precision>
  using Element = float;
  template <class T>
  using Array = longsky::Buffer<T>;
  static constexpr bool shares_host_memory = true;
  static constexpr std::int64_t attention_bounds_size(std::int64_t) {
    return 0;
  }
  struct Staging {
    Staging(Device&, std::int64_t) {}
    static const longsky::Pass& put(const longsky::Pass& pass) { return pass; }
  };

  longsky::cpu::Device& cpu;
  std::array<double, account_names.size()> seconds = {};
};

/// Calls `op` on the CPU and books its time.
template <Account A, class Op>
auto book(Device& device, const Op& op) {
  struct Booking {
    double& account;
    Clock::time_point start = Clock::now();
    ~Booking() { account += std::chrono::duration<double>(Clock::now() - start).count(); }
  } booking{device.seconds[static_cast<std::size_t>(A)]};
  return op(device.cpu);
}

template <class Precision, int N, int K>
void linear_forward(Device& device, Rows<float, N> y, Rows<const float, K> x, const float* w, const float* bias,
                    const float* residual) {
  book<Account::gemm>(device, [&](auto& cpu) { linear_forward<Precision, N, K>(cpu, y, x, w, bias, residual); });
}
template <class Precision, int N, int K>
void linear_backward_input(Device& device, Rows<float, K> dx, Rows<const float, N> dy, const float* w) {
  book<Account::gemm>(device, [&](auto& cpu) { linear_backward_input<Precision, N, K>(cpu, dx, dy, w); });
}
template <class Precision, int N, int K>
void linear_backward_weight(Device& device, float* dw, float* dbias, Rows<const float, N> dy, Rows<const float, K> x) {
  book<Account::gemm>(device, [&](auto& cpu) { linear_backward_weight<Precision, N, K>(cpu, dw, dbias, dy, x); });
}

template <class Mask, int H, int KV, int D>
void attention_forward(Device& device, Rows<float, H * D> o, float* lse, const float* q, const float* k, const float* v,
                       longsky::AttentionBatch batch) {
  book<Account::attention>(device, [&](auto& cpu) { attention_forward<Mask, H, KV, D>(cpu, o, lse, q, k, v, batch); });
}
template <class Mask, int H, int KV, int D>
void attention_backward(Device& device, float* dq, float* dk, float* dv, Rows<const float, H * D> d_o,
                        Rows<const float, H * D> o, const float* lse, const float* q, const float* k, const float* v,
                        longsky::AttentionBatch batch) {
  book<Account::attention>(
      device, [&](auto& cpu) { attention_backward<Mask, H, KV, D>(cpu, dq, dk, dv, d_o, o, lse, q, k, v, batch); });
}

template <class Precision, int V, int C>
void cross_entropy_forward_backward(Device& device, float* losses, Rows<float, C> dx, float* dw, Rows<const float, C> x,
                                    Tokens targets, const float* w, float scale) {
  book<Account::head>(device, [&](auto& cpu) {
    cross_entropy_forward_backward<Precision, V, C>(cpu, losses, dx, dw, x, targets, w, scale);
  });
}

template <int C>
void embedding_forward(Device& device, Rows<float, C> x, Tokens tokens, Rows<const float, C> table, float scale) {
  book<Account::elementwise>(device, [&](auto& cpu) { embedding_forward<C>(cpu, x, tokens, table, scale); });
}
template <int C>
void embedding_backward(Device& device, Rows<float, C> dtable, Tokens tokens, Rows<const float, C> dx, float scale) {
  book<Account::elementwise>(device, [&](auto& cpu) { embedding_backward<C>(cpu, dtable, tokens, dx, scale); });
}
template <int C>
void rmsnorm_forward(Device& device, Rows<float, C> y, float* r, Rows<const float, C> x, const float* w, float eps) {
  book<Account::elementwise>(device, [&](auto& cpu) { rmsnorm_forward<C>(cpu, y, r, x, w, eps); });
}
template <int C>
void rmsnorm_backward(Device& device, Rows<float, C> dx, float* dw, Rows<const float, C> dy, Rows<const float, C> x,
                      const float* r, const float* w) {
  book<Account::elementwise>(device, [&](auto& cpu) { rmsnorm_backward<C>(cpu, dx, dw, dy, x, r, w); });
}
template <int H, int KV, int D>
void rope_forward(Device& device, float* q, float* k, float* v, Rows<const float, (H + 2 * KV) * D> qkv,
                  Tokens positions, const float* table, int context) {
  book<Account::elementwise>(device,
                             [&](auto& cpu) { rope_forward<H, KV, D>(cpu, q, k, v, qkv, positions, table, context); });
}
template <int H, int KV, int D>
void rope_backward(Device& device, Rows<float, (H + 2 * KV) * D> dqkv, const float* dq, const float* dk,
                   const float* dv, Tokens positions, const float* table, int context) {
  book<Account::elementwise>(
      device, [&](auto& cpu) { rope_backward<H, KV, D>(cpu, dqkv, dq, dk, dv, positions, table, context); });
}
template <int F>
void swiglu_forward(Device& device, Rows<float, F> y, Rows<const float, 2 * F> gate_up) {
  book<Account::elementwise>(device, [&](auto& cpu) { swiglu_forward<F>(cpu, y, gate_up); });
}
template <int F>
void swiglu_backward(Device& device, Rows<float, 2 * F> dgate_up, Rows<const float, F> dy,
                     Rows<const float, 2 * F> gate_up) {
  book<Account::elementwise>(device, [&](auto& cpu) { swiglu_backward<F>(cpu, dgate_up, dy, gate_up); });
}
inline void fill_zero(Device& device, std::span<float> x) {
  book<Account::elementwise>(device, [&](auto& cpu) { fill_zero(cpu, x); });
}

inline double sum_of_squares(Device& device, std::span<const float> x) {
  return book<Account::optimizer>(device, [&](auto& cpu) { return sum_of_squares(cpu, x); });
}
inline void adamw_step(Device& device, std::span<float> w, std::span<float> m, std::span<float> v,
                       std::span<const float> g, const longsky::AdamWConstants& constants,
                       const longsky::StepScale* step, float*) {
  book<Account::optimizer>(device, [&](auto& cpu) { adamw_step(cpu, w, m, v, g, constants, step); });
}

}  // namespace timed
