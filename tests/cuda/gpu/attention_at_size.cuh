// cuda/gpu/attention_at_size.cuh — attention at the sizes of `Size`, as cases for Repeat. A case's name begins with the
// stem of the op's header.
#pragma once

#include "cuda/gpu/repeat.cuh"
#include "cuda/gpu/sizes.hpp"

#include <longsky/cuda/attention_backward.cuh>
#include <longsky/cuda/attention_bounds.cuh>
#include <longsky/cuda/attention_decode.cuh>
#include <longsky/cuda/attention_float.cuh>
#include <longsky/cuda/attention_forward.cuh>
#include <longsky/spec/mask.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace longsky::test {

/// The numbers of attention's cases.
template <class Size>
struct AttentionAtSize {
  static constexpr int H = Size::heads, KV = Size::kv_heads;

  /// [sequences * context], each sequence cut anew.
  static std::vector<std::int32_t> documents(int context) {
    std::vector<std::int32_t> of_tokens;
    Random random(1, stream_of("documents"), 0);
    for (std::int64_t b = 0; b < Size::sequences; ++b)
      for (int first = 0, document = 0; first < context; ++document) {
        const int length = std::min(random.between(Size::shortest, context / 4), context - first);
        of_tokens.insert(of_tokens.end(), static_cast<std::size_t>(length), document);
        first += length;
      }
    return of_tokens;
  }

  /// What attention reads, and what its forward pass leaves for its backward pass.
  template <class Mask, int D, class T>
  struct AttentionInputs {
    std::int64_t tokens;
    AttentionBatch batch;
    T *q, *k, *v, *d_o;
    AttentionInputs(Repeat& r, int context)
        : tokens(Size::sequences * context),
          batch{Size::sequences, context, Mask::isolates_documents ? r.input(documents(context)) : nullptr},
          q(r.input<T>(tokens * H * D, 1)),
          k(r.input<T>(tokens * KV * D, 2)),
          v(r.input<T>(tokens * KV * D, 3)),
          d_o(r.input<T>(tokens * H * D, 4)) {
      auto* const bounds = r.array<std::int32_t>(cuda::Device::attention_bounds_size(tokens));
      cuda::attention_bounds<Mask, H, KV, D, T>(r.device(), bounds, batch);
      batch.bounds = bounds;
    }
    void forward(Repeat& r, T* o, float* lse) const {
      cuda::attention_forward<Mask, H, KV, D>(r.device(), Rows<T, H * D>{o, tokens}, lse, q, k, v, batch);
    }
    void backward(auto& device, T* dq, T* dk, T* dv, const T* o, const float* lse) const {
      cuda::attention_backward<Mask, H, KV, D>(device, dq, dk, dv, Rows<const T, H * D>{d_o, tokens},
                                               Rows<const T, H * D>{o, tokens}, lse, q, k, v, batch);
    }
  };

  template <class Mask, int D, class T>
  static Outcome attention_forward(Repeat& r, int context) {
    const AttentionInputs<Mask, D, T> in(r, context);
    auto* const o = r.written<T>(in.tokens * H * D);
    auto* const lse = r.written<float>(in.tokens * H);
    return r.run([&] { in.forward(r, o, lse); });
  }
  template <class Mask, int D, class T>
  static Outcome attention_backward(Repeat& r, auto& device, int context) {
    const AttentionInputs<Mask, D, T> in(r, context);
    auto* const o = r.array<T>(in.tokens * H * D);
    auto* const lse = r.array<float>(in.tokens * H);
    in.forward(r, o, lse);
    auto *const dq = r.written<T>(in.tokens * H * D), *const dk = r.written<T>(in.tokens * KV * D),
                *const dv = r.written<T>(in.tokens * KV * D);
    return r.run([&] { in.backward(device, dq, dk, dv, o, lse); });
  }

  template <class T>
  static Outcome decode(Repeat& r) {
    constexpr int D = 128;
    const T *const q = r.input<T>(H * D, 1), *const k = r.input<T>(std::int64_t{KV} * Size::cache * D, 2),
                   *const v = r.input<T>(std::int64_t{KV} * Size::cache * D, 3);
    T* const o = r.written<T>(H * D);
    return r.run(
        [&] { cuda::attention_decode<Causal, H, KV, D>(r.device(), o, q, k, v, Size::cache - 1, Size::cache); });
  }
};

/// All of them; those that training needs most come first.
template <class Size>
std::vector<Case> cases_of_attention() {
  using Ops = AttentionAtSize<Size>;
  std::vector<Case> cases;
  const auto add = [&](const std::string& key, auto body) { cases.push_back(case_of(key, body)); };
  const auto attention = [&]<class Mask, int D>(const std::string& kind) {
    constexpr int T = Size::context;
    add("attention_forward." + kind, [](Repeat& r) { return Ops::template attention_forward<Mask, D, bf16>(r, T); });
    add("attention_backward." + kind,
        [](Repeat& r) { return Ops::template attention_backward<Mask, D, bf16>(r, r.device(), T); });
  };
  attention.template operator()<Causal, 64>("d64");
  attention.template operator()<Causal, 128>("d128");
  attention.template operator()<WithinDocument<>, 128>("d128.documents");
  attention.template operator()<WithinDocument<>, 32>("d32.documents");
  add("attention_bounds", [](Repeat& r) {
    const auto documents = Ops::documents(Size::context);
    const AttentionBatch batch{Size::sequences, Size::context, r.input(documents)};
    auto* const bounds = r.partly_written<std::int32_t>(
        cuda::Device::attention_bounds_size(static_cast<std::int64_t>(documents.size())));
    return r.run(
        [&] { cuda::attention_bounds<WithinDocument<>, Ops::H, Ops::KV, 64, bf16>(r.device(), bounds, batch); });
  });
  add("attention_decode.bf16", [](Repeat& r) { return Ops::template decode<bf16>(r); });
  add("attention_decode.float", [](Repeat& r) { return Ops::template decode<float>(r); });
  add("attention_float.forward",
      [](Repeat& r) { return Ops::template attention_forward<WithinDocument<>, 64, float>(r, Size::float_context); });
  add("attention_float.backward", [](Repeat& r) {
    return Ops::template attention_backward<WithinDocument<>, 64, float>(r, r.device(), Size::float_context);
  });
  const auto atomic = [&]<int D>(const std::string& kind) {
    add("attention_atomic.backward." + kind, [](Repeat& r) {
      return Ops::template attention_backward<Causal, D, bf16>(r, r.in_any_order(), Size::context);
    });
  };
  atomic.template operator()<64>("d64");
  atomic.template operator()<128>("d128");
  return cases;
}

}  // namespace longsky::test
