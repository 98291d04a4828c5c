// cuda/gpu/against_float.cuh — attention in bfloat16 on tensor cores against attention in float without them, on the
// same numbers, at a length at which no reference on the host would end: grouped queries, one document and many.
//
// Both kernels read what bfloat16 can hold, so they differ by what the first rounds in between: probabilities, and its
// results.
#pragma once

#include "cuda/gpu/attention_at_size.cuh"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace longsky::test {

/// Item i copies number i.
struct AsFloat {
  float* to;
  const bf16* from;
  __device__ void operator()(std::int64_t i) const { to[i] = static_cast<float>(from[i]); }
};

/// Item i sums (a - b)^2 and b^2 over the elements i, i + lanes, ...
template <class T>
struct SumDifferences {
  double *differences, *squares;
  const T* a;
  const float* b;
  std::int64_t size, lanes;
  __device__ void operator()(std::int64_t i) const {
    double apart = 0, all = 0;
    for (std::int64_t j = i; j < size; j += lanes) {
      const double x = static_cast<double>(static_cast<float>(a[j])), y = static_cast<double>(b[j]);
      apart += (x - y) * (x - y);
      all += y * y;
    }
    differences[i] = apart;
    squares[i] = all;
  }
};

/// ||a - b|| / ||b||; not a number if one of them holds such.
template <class T>
double relative_error(cuda::Device& device, const T* a, const float* b, std::int64_t size) {
  const std::int64_t lanes = std::min<std::int64_t>(size, 1 << 16);
  cuda::Memory<double> sums(2 * lanes);
  cuda::for_each(device, lanes, SumDifferences<T>{sums.data(), sums.data() + lanes, a, b, size, lanes});
  std::vector<double> on_host(static_cast<std::size_t>(2 * lanes));
  device.download(on_host.data(), sums.data(), 2 * lanes);
  double apart = 0, all = 0;
  for (std::size_t i = 0; i < on_host.size(); ++i) (i < on_host.size() / 2 ? apart : all) += on_host[i];
  return std::sqrt(apart / all);
}

/// An element of bfloat16 is rounded by 0.17 % on average; probabilities once more, gradients go through ds as well.
constexpr double most_of_output = 0.01, most_of_gradient = 0.02, most_of_lse = 1e-5;

template <class Size, class Mask, int D>
Outcome bf16_against_float(cuda::AtomicDevice& device) {
  using Ops = AttentionAtSize<Size>;
  constexpr int H = Size::heads, KV = Size::kv_heads, T = Size::context;
  static_assert(H > KV);
  Repeat r(device, 1);  // owns the arrays
  using Rounded = typename Ops::template AttentionInputs<Mask, D, bf16>;
  using Float = typename Ops::template AttentionInputs<Mask, D, float>;
  const Rounded in(r, T);
  Float exact(r, T);
  const std::int64_t of_queries = in.tokens * H * D, of_keys = in.tokens * KV * D, lse_size = in.tokens * H;
  const auto same = [&](float* to, const bf16* from, std::int64_t size) {
    cuda::for_each(device, size, AsFloat{to, from});
  };
  same(exact.q, in.q, of_queries), same(exact.k, in.k, of_keys), same(exact.v, in.v, of_keys);
  same(exact.d_o, in.d_o, of_queries);

  auto *const o = r.array<bf16>(of_queries), *const dq = r.array<bf16>(of_queries), *const dk = r.array<bf16>(of_keys),
              *const dv = r.array<bf16>(of_keys);
  auto *const want_o = r.array<float>(of_queries), *const want_dq = r.array<float>(of_queries),
              *const want_dk = r.array<float>(of_keys), *const want_dv = r.array<float>(of_keys),
              *const lse = r.array<float>(lse_size), *const want_lse = r.array<float>(lse_size);
  in.forward(r, o, lse);
  exact.forward(r, want_o, want_lse);
  Outcome outcome{true, {}};
  const auto hold = [&](const std::string& name, double error, double most) {
    outcome.figures.emplace_back(name, error);
    outcome.passed &= error <= most;
  };
  hold("o", relative_error(device, o, want_o, of_queries), most_of_output);
  hold("lse", relative_error(device, lse, want_lse, lse_size), most_of_lse);
  exact.backward(static_cast<cuda::Device&>(device), want_dq, want_dk, want_dv, want_o, want_lse);
  const auto gradients = [&](const std::string& kind) {
    hold("dq" + kind, relative_error(device, dq, want_dq, of_queries), most_of_gradient);
    hold("dk" + kind, relative_error(device, dk, want_dk, of_keys), most_of_gradient);
    hold("dv" + kind, relative_error(device, dv, want_dv, of_keys), most_of_gradient);
  };
  in.backward(static_cast<cuda::Device&>(device), dq, dk, dv, o, lse);
  gradients("");
  in.backward(device, dq, dk, dv, o, lse);
  gradients(".atomic");
  return outcome;
}

template <class Size>
std::vector<Case> cases_against_float() {
  const auto of = [](const char* key, auto run) {
    return Case{std::string("against_float.") + key, [run](cuda::AtomicDevice& device, int) { return run(device); }};
  };
  return {of("d64", bf16_against_float<Size, Causal, 64>), of("d128", bf16_against_float<Size, Causal, 128>),
          of("d64.documents", bf16_against_float<Size, WithinDocument<>, 64>),
          of("d128.documents", bf16_against_float<Size, WithinDocument<>, 128>)};
}

}  // namespace longsky::test
