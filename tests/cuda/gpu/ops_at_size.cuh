// cuda/gpu/ops_at_size.cuh — every op of a GPU but attention at the sizes of `Size`, as cases for Repeat. A case's name
// begins with the stem of the op's header.
#pragma once

#include "cuda/gpu/repeat.cuh"
#include "cuda/gpu/sizes.hpp"

#include <longsky/cuda/adamw.cuh>
#include <longsky/cuda/column_sums.cuh>
#include <longsky/cuda/copy_heads.cuh>
#include <longsky/cuda/cross_entropy.cuh>
#include <longsky/cuda/embedding.cuh>
#include <longsky/cuda/global_norm.cuh>
#include <longsky/cuda/linear.cuh>
#include <longsky/cuda/rmsnorm.cuh>
#include <longsky/cuda/rope.cuh>
#include <longsky/cuda/run_once.cuh>
#include <longsky/cuda/swiglu.cuh>
#include <longsky/spec/precision.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace longsky::test {

/// The numbers of one op's cases.
template <class Size>
struct OpsAtSize {
  static constexpr int C = Size::width, F = Size::ffn, V = Size::vocab, H = Size::heads, KV = Size::kv_heads;
  static constexpr std::int64_t N = Size::rows, W = Size::weights;
  template <class T>
  using PrecisionOf = std::conditional_t<std::is_same_v<T, float>, Fp32, Bf16>;

  static std::vector<std::int32_t> tokens(std::int64_t count) {
    std::vector<std::int32_t> values(static_cast<std::size_t>(count));
    Random random(1, stream_of("tokens"), 0);
    for (std::size_t i = 0; i < values.size(); ++i)  // every fourth is the same: a long run of one token
      values[i] = i % 4 == 0 ? 3 : static_cast<std::int32_t>(random.below(V));
    return values;
  }
  template <class T>
  static Outcome adamw(Repeat& r) {
    const AdamWConstants constants{.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f};
    const std::vector<StepScale> scale{{.lr = 1e-4f,
                                        .gradient_scale = 0.5f,
                                        .to_m_hat = bias_correction(0.9f, 100),
                                        .to_v_hat = bias_correction(0.95f, 100),
                                        .step = 100}};
    const auto span = [](auto* data) { return std::span(data, static_cast<std::size_t>(W)); };
    const StepScale* const step = r.input(scale);
    T *const w = r.changed<T>(W, 1), *const m = r.changed<T>(W, 2), *const v = r.changed<T>(W, 3, 0.0f);
    const float* const g = r.input<float>(W, 4);
    bf16* const copy = std::is_same_v<T, float> ? r.written<bf16>(W) : nullptr;
    return r.run([&] { cuda::adamw_step(r.device(), span(w), span(m), span(v), span(g), constants, step, copy); });
  }

  template <class T, bool Backward>
  static Outcome cross_entropy(Repeat& r) {
    using P = PrecisionOf<T>;
    constexpr std::int64_t n = N / (2 * sizeof(T));  // without tensor cores a product takes long
    const T *const x = r.input<T>(n * C, 1), *const w = r.input<T>(std::int64_t{V} * C, 2);
    const std::span<const std::int32_t> targets(r.input(tokens(n)), static_cast<std::size_t>(n));
    float* const losses = r.written<float>(n);
    if constexpr (Backward) {
      T* const dx = r.written<T>(n * C);
      float* const dw = r.changed<float>(std::int64_t{V} * C, 3);
      return r.run([&] {
        cuda::cross_entropy_forward_backward<P, V, C>(r.device(), losses, Rows<T, C>{dx, n}, dw, {x, n}, targets, w,
                                                      1.0f);
      });
    } else {
      auto* const best = r.written<std::int32_t>(n);
      return r.run([&] {
        cuda::cross_entropy_forward<P, V, C>(r.device(), losses, best, Rows<const T, C>{x, n}, targets, w);
      });
    }
  }

  template <class T>
  static Outcome embedding(Repeat& r, bool forward) {
    const std::span<const std::int32_t> of(r.input(tokens(N)), static_cast<std::size_t>(N));
    if (forward) {
      const T* const table = r.input<T>(std::int64_t{V} * C, 1);
      T* const x = r.written<T>(N * C);
      return r.run([&] { cuda::embedding_forward<C>(r.device(), Rows<T, C>{x, N}, of, {table, V}, 0.5f); });
    }
    const T* const dx = r.input<T>(N * C, 1);
    float* const dtable = r.changed<float>(std::int64_t{V} * C, 2);
    return r.run([&] {
      cuda::embedding_backward<C>(r.device(), Rows<float, C>{dtable, V}, of, Rows<const T, C>{dx, N}, 0.5f);
    });
  }

  template <class T>
  static Outcome linear(Repeat& r, const std::string& pass) {
    using P = PrecisionOf<T>;
    const T *const x = r.input<T>(N * C, 1), *const w = r.input<T>(std::int64_t{F} * C, 2),
                   *const dy = r.input<T>(N * F, 3), *const bias = r.input<T>(F, 4);
    if (pass == "forward") {
      T* const y = r.written<T>(N * F);
      return r.run([&] {
        cuda::linear_forward<P, F, C>(r.device(), Rows<T, F>{y, N}, Rows<const T, C>{x, N}, w, bias, dy);
      });
    }
    if (pass == "backward_input") {
      T* const dx = r.written<T>(N * C);
      return r.run([&] { cuda::linear_backward_input<P, F, C>(r.device(), Rows<T, C>{dx, N}, {dy, N}, w); });
    }
    float *const dw = r.changed<float>(std::int64_t{F} * C, 5), *const dbias = r.changed<float>(F, 6);
    return r.run([&] {
      cuda::linear_backward_weight<P, F, C>(r.device(), dw, dbias, Rows<const T, F>{dy, N}, Rows<const T, C>{x, N});
    });
  }

  template <class T>
  static Outcome rmsnorm(Repeat& r, bool forward) {
    const T *const x = r.input<T>(N * C, 1), *const w = r.input<T>(C, 2), *const dy = r.input<T>(N * C, 3);
    if (forward) {
      T* const y = r.written<T>(N * C);
      float* const scale = r.written<float>(N);
      return r.run([&] { cuda::rmsnorm_forward<C>(r.device(), Rows<T, C>{y, N}, scale, {x, N}, w, 1e-6f); });
    }
    T* const y = r.array<T>(N * C);
    float* const scale = r.array<float>(N);
    cuda::rmsnorm_forward<C>(r.device(), Rows<T, C>{y, N}, scale, {x, N}, w, 1e-6f);
    T* const dx = r.changed<T>(N * C, 4);
    float* const dw = r.changed<float>(C, 5);
    return r.run([&] { cuda::rmsnorm_backward<C>(r.device(), Rows<T, C>{dx, N}, dw, {dy, N}, {x, N}, scale, w); });
  }

  template <class T>
  static Outcome rope(Repeat& r, bool forward) {
    constexpr int D = 128, T0 = Size::context;
    constexpr std::int64_t n = Size::sequences * T0;
    std::vector<std::int32_t> places(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = static_cast<std::int32_t>(i % T0);
    const std::span<const std::int32_t> positions(r.input(places), static_cast<std::size_t>(n));
    const float* const table = r.input<float>(std::int64_t{T0} * D, 1);
    if (forward) {
      const T* const qkv = r.input<T>(n * (H + 2 * KV) * D, 2);
      T *const q = r.written<T>(n * H * D), *const k = r.written<T>(n * KV * D), *const v = r.written<T>(n * KV * D);
      return r.run([&] { cuda::rope_forward<H, KV, D, T>(r.device(), q, k, v, {qkv, n}, positions, table, T0); });
    }
    const T *const q = r.input<T>(n * H * D, 2), *const k = r.input<T>(n * KV * D, 3),
                   *const v = r.input<T>(n * KV * D, 4);
    T* const dqkv = r.written<T>(n * (H + 2 * KV) * D);
    return r.run([&] { cuda::rope_backward<H, KV, D, T>(r.device(), {dqkv, n}, q, k, v, positions, table, T0); });
  }

  template <class T>
  static Outcome column_sums(Repeat& r) {
    const T* const x = r.input<T>(N * F, 1);
    float* const sums = r.changed<float>(F, 2);
    return r.run([&] { cuda::add_column_sums<F>(r.device(), sums, Rows<const T, F>{x, N}); });
  }

  template <class T>
  static Outcome swiglu(Repeat& r, bool forward) {
    const T *const gate_up = r.input<T>(N * 2 * F, 1), *const dy = r.input<T>(N * F, 2);
    if (forward) {
      T* const y = r.written<T>(N * F);
      return r.run([&] { cuda::swiglu_forward<F, T>(r.device(), {y, N}, {gate_up, N}); });
    }
    T* const dgate_up = r.written<T>(N * 2 * F);
    return r.run([&] { cuda::swiglu_backward<F, T>(r.device(), {dgate_up, N}, {dy, N}, {gate_up, N}); });
  }
};

struct WriteWord {
  std::uint32_t* to;
  __device__ void operator()() const { *to = 0x12345678u; }
};

/// The ops that have an element type; nvcc 13.0 cannot compile them as a lambda that is a template.
template <class Size, class T>
void add_ops_of(std::vector<Case>& cases, const std::string& type) {
  using Ops = OpsAtSize<Size>;
  const auto add = [&](const std::string& key, auto body) { cases.push_back(case_of(key + type, body)); };
  for (const char* pass : {"forward", "backward_input", "backward_weight"})
    add("linear." + std::string(pass), [pass](Repeat& r) { return Ops::template linear<T>(r, pass); });
  for (const bool forward : {true, false}) {
    const std::string pass = forward ? ".forward" : ".backward";
    add("rmsnorm" + pass, [forward](Repeat& r) { return Ops::template rmsnorm<T>(r, forward); });
    add("rope" + pass, [forward](Repeat& r) { return Ops::template rope<T>(r, forward); });
    add("swiglu" + pass, [forward](Repeat& r) { return Ops::template swiglu<T>(r, forward); });
    add("embedding" + pass, [forward](Repeat& r) { return Ops::template embedding<T>(r, forward); });
  }
  add("cross_entropy.forward", [](Repeat& r) { return Ops::template cross_entropy<T, false>(r); });
  add("cross_entropy.forward_backward", [](Repeat& r) { return Ops::template cross_entropy<T, true>(r); });
  add("adamw", [](Repeat& r) { return Ops::template adamw<T>(r); });
  add("column_sums", [](Repeat& r) { return Ops::template column_sums<T>(r); });
}

template <class Size>
std::vector<Case> cases_of_ops() {
  using Ops = OpsAtSize<Size>;
  std::vector<Case> cases;
  const auto add = [&](const std::string& key, auto body) { cases.push_back(case_of(key, body)); };
  add_ops_of<Size, bf16>(cases, ".bf16");
  add("global_norm.sum_of_squares", [](Repeat& r) {
    const std::span<const float> x(r.input<float>(Ops::W, 1), static_cast<std::size_t>(Ops::W));
    double* const sum = r.written<double>(1);
    return r.run([&] { cuda::sum_of_squares(r.device(), sum, x); });
  });
  add("global_norm.add_sum", [](Repeat& r) {
    const std::span<const float> x(r.input<float>(Ops::W, 1), static_cast<std::size_t>(Ops::W));
    double* const sum = r.changed<double>(1, 2);
    return r.run([&] { cuda::add_sum(r.device(), sum, x); });
  });
  add("copy_heads", [](Repeat& r) {
    constexpr int D = 128, length = Size::context, capacity = length + 16;
    const bf16* const from = r.input<bf16>(std::int64_t{Ops::H} * length * D, 1);
    bf16* const to = r.partly_written<bf16>(std::int64_t{Ops::H} * capacity * D);
    return r.run([&] { cuda::copy_heads<D>(r.device(), to, capacity, 7, from, length, length, Ops::H); });
  });
  add("fill_zero", [](Repeat& r) {
    float* const x = r.written<float>(Ops::W);
    return r.run([&] { cuda::fill_zero(r.device(), std::span(x, static_cast<std::size_t>(Ops::W))); });
  });
  add("run_once", [](Repeat& r) {
    auto* const word = r.written<std::uint32_t>(1);
    return r.run([&] { cuda::run_once(r.device(), WriteWord{word}); });
  });
  add_ops_of<Size, float>(cases, ".float");
  return cases;
}

}  // namespace longsky::test
