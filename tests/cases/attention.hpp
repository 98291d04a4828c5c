// cases/attention.hpp — attention against its formula, over masks, sizes and groups, on every device.
#pragma once

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/device_array.hpp"
#include "support/reference_rows.hpp"

#include <longsky/core/config.hpp>
#include <longsky/core/half.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/spec/attention.hpp>
#include <longsky/spec/mask.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace longsky::test {

/// Sees tokens of its own parity only, and token 0 sees nothing: no causal tile is whole, one row is empty.
struct SameParity {
  static constexpr bool isolates_documents = false;
  LONGSKY_HD static constexpr bool visible(TokenPlace q, TokenPlace k) {
    return k.index <= q.index && (q.index - k.index) % 2 == 0 && q.index != 0;
  }
  LONGSKY_HD static constexpr Cover cover(TokenRange q, TokenRange k) {
    return k.first.index > q.last.index ? Cover::none : Cover::some;
  }
};

/// The first tokens and the latest ones: whole tiles between them are hidden.
template <int Sinks, int Window>
struct SinksAndWindow {
  static constexpr bool isolates_documents = false;
  LONGSKY_HD static constexpr bool visible(TokenPlace q, TokenPlace k) {
    return k.index <= q.index && (k.index < Sinks || q.index - k.index < Window);
  }
  LONGSKY_HD static constexpr Cover cover(TokenRange q, TokenRange k) {
    const Cover window = SlidingWindow<Window>::cover(q, k);
    return window == Cover::none && k.first.index < Sinks && k.first.index <= q.last.index ? Cover::some : window;
  }
};

/// Documents of uneven length: borders inside a tile, on a tile's border, and documents longer than a tile.
inline std::vector<std::int32_t> uneven_documents(int sequences, int context) {
  std::vector<std::int32_t> documents;
  constexpr int lengths[] = {1, 5, 26, 32, 64, 3, 150, 17};
  for (int b = 0; b < sequences; ++b) {
    int document = 3 * b, left = lengths[b % 8];
    for (int t = 0; t < context; ++t) {
      if (left == 0) left = lengths[++document % 8];
      documents.push_back(document);
      --left;
    }
  }
  return documents;
}

/// Attention under one mask, of elements of type T. The names of the functions say what must hold.
template <class MaskPolicy, int Heads, int KvHeads, int HeadDim, class Type = float>
struct AttentionCase {
  using Mask = MaskPolicy;
  using T = Type;
  using Floats = std::vector<float>;
  static constexpr int H = Heads, KV = KvHeads, D = HeadDim;
  /// What `times` roundings may make of a result. Where elements are rounded, probabilities, ds and o are so before
  /// they are multiplied.
  static constexpr double error(int times) { return sizeof(T) == 4 ? 1e-6 : times * rounding<T>; }

  static AttentionShape shape(int B, int context) { return {B, H, KV, context, D}; }
  static std::vector<std::int32_t> documents(int B, int context) {
    return Mask::isolates_documents ? uneven_documents(B, context) : std::vector<std::int32_t>{};
  }

  struct Inputs {
    Floats q, k, v, d_o;
    /// Scores whose softmax has peaks; `largest` makes them as large.
    explicit Inputs(const AttentionShape& s, float largest = 3)
        : q(random_floats(s.queries(), "q")),
          k(stored_as<T>(random_floats(s.keys(), "k"))),
          v(stored_as<T>(random_floats(s.keys(), "v"))),
          d_o(stored_as<T>(random_floats(s.queries(), "d_o"))) {
      for (float& x : q) x *= largest;
      q = stored_as<T>(q);
    }
  };
  struct Results {
    Floats o, lse, dq, dk, dv;
  };

  /// Both passes on one device. The bounds are those of `documents`, or of other documents that a test has.
  template <class Device>
  static std::array<Floats, 5> on(Device& device, const AttentionShape& s, const Inputs& in,
                                  const std::vector<std::int32_t>& documents, bool with_bounds = false,
                                  const std::vector<std::int32_t>& bounds_of = {}) {
    const std::int64_t N = std::int64_t{s.B} * s.T;
    auto q = put<T>(device, in.q), k = put<T>(device, in.k), v = put<T>(device, in.v), d_o = put<T>(device, in.d_o),
         o = room<T>(device, s.queries()), dq = room<T>(device, s.queries()), dk = room<T>(device, s.keys()),
         dv = room<T>(device, s.keys());
    auto lse = room<float>(device, N * H);
    auto on_documents = put<std::int32_t>(device, documents),
         bounds = room<std::int32_t>(device, Device::attention_bounds_size(N));
    AttentionBatch batch{s.B, s.T, documents.empty() ? nullptr : on_documents.data()};
    auto others = put<std::int32_t>(device, bounds_of);
    if (with_bounds) {
      const AttentionBatch of_others{s.B, s.T, others.data()};
      attention_bounds<Mask, H, KV, D, T>(device, bounds.data(), bounds_of.empty() ? batch : of_others);
      batch.bounds = bounds.data();
    }
    const Rows<T, H * D> of_o{o, N}, of_d_o{d_o, N};
    attention_forward<Mask, H, KV, D>(device, of_o, lse.data(), q.data(), k.data(), v.data(), batch);
    attention_backward<Mask, H, KV, D>(device, dq.data(), dk.data(), dv.data(), of_d_o, of_o, lse.data(), q.data(),
                                       k.data(), v.data(), batch);
    return {o.floats(), lse.floats(), dq.floats(), dk.floats(), dv.floats()};
  }

  /// Both passes on devices that are alike.
  template <class Device>
  static Results compute(const AttentionShape& s, const Inputs& in, const std::vector<std::int32_t>& documents) {
    auto all = alike<Device>([&](Device& device) { return on(device, s, in, documents); });
    return {all[0], all[1], all[2], all[3], all[4]};
  }

  template <class Device>
  static void check_formula(int B, int context, float largest = 3) {
    const AttentionShape s = shape(B, context);
    const Inputs in(s, largest);
    const std::vector<std::int32_t> of_tokens = documents(B, context);
    INFO("B " << B << ", T " << context);
    const Results got = compute<Device>(s, in, of_tokens);
    const AttentionReference want =
        attention<Mask>(s, to_double(in.q), to_double(in.k), to_double(in.v), to_double(in.d_o), of_tokens);
    CHECK(close(got.o, want.o.value, want.o.scale, error(2)));
    CHECK(close(got.dv, want.dv.value, want.dv.scale, error(2)));
    CHECK(close(got.dk, want.dk.value, want.dk.scale, error(3)));
    CHECK(close(got.dq, want.dq.value, want.dq.scale, error(3)));
    for (std::size_t i = 0; i < want.lse.size(); ++i) {
      const double lse = double{got.lse[i]};
      const bool same = lse == want.lse[i] || std::abs(lse - want.lse[i]) <= 1e-6 * (10 + std::abs(want.lse[i]));
      INFO("lse " << i << ": got " << lse << ", want " << want.lse[i]);
      if (!same) REQUIRE(same);
    }
  }

  /// Gradients are the differences of the formula.
  template <class Device>
  static void check_gradients() {
    const AttentionShape s = shape(1, 7);
    const Inputs in(s);
    const Results got = compute<Device>(s, in, {});
    const Doubles q = to_double(in.q), k = to_double(in.k), v = to_double(in.v), d_o = to_double(in.d_o);
    const auto o = [&](const Doubles& q1, const Doubles& k1, const Doubles& v1) {
      return attention<Mask>(s, q1, k1, v1, d_o, {}).o.value;
    };
    CHECK(close(got.dq, differences(q, d_o, [&](const Doubles& x) { return o(x, k, v); }), 1e-6 + error(3)));
    CHECK(close(got.dk, differences(k, d_o, [&](const Doubles& x) { return o(q, x, v); }), 1e-6 + error(3)));
    CHECK(close(got.dv, differences(v, d_o, [&](const Doubles& x) { return o(q, k, x); }), 1e-6 + error(3)));
  }

  /// A document's results do not change by a bit when another document does.
  template <class Device>
  static void check_documents_stay_apart(std::int32_t changed) {
    constexpr int context = 331;
    const AttentionShape s = shape(1, context);
    const std::vector<std::int32_t> of_tokens = uneven_documents(1, context);
    const Inputs before(s);
    Inputs after = before;
    for (int t = 0; t < context; ++t)
      for (int d = 0; d < D && of_tokens[static_cast<std::size_t>(t)] == changed; ++d) {
        for (int h = 0; h < H; ++h) after.q[static_cast<std::size_t>(s.query(0, h, t) + d)] *= 50;
        for (int h = 0; h < H; ++h) after.d_o[static_cast<std::size_t>(s.token(0, h, t) + d)] += 1;
        for (int h = 0; h < H; h += H / KV) {
          after.k[static_cast<std::size_t>(s.key(0, h, t) + d)] += 1;
          after.v[static_cast<std::size_t>(s.key(0, h, t) + d)] += 1;
        }
      }
    const Results a = compute<Device>(s, before, of_tokens), b = compute<Device>(s, after, of_tokens);
    bool others_same = true, own_changed = false;
    const auto compare = [&](const Floats& x, const Floats& y, std::int64_t first, int size, int t) {
      const auto at = static_cast<std::ptrdiff_t>(first);
      const bool same = std::equal(x.begin() + at, x.begin() + at + size, y.begin() + at);
      if (of_tokens[static_cast<std::size_t>(t)] == changed)
        own_changed |= !same;
      else
        others_same &= same;
    };
    for (int t = 0; t < context; ++t)
      for (int h = 0; h < H; ++h) {
        compare(a.lse, b.lse, s.query(0, h, t) / D, 1, t);
        compare(a.o, b.o, s.token(0, h, t), D, t), compare(a.dq, b.dq, s.query(0, h, t), D, t);
        compare(a.dk, b.dk, s.key(0, h, t), D, t), compare(a.dv, b.dv, s.key(0, h, t), D, t);
      }
    CHECK(others_same);
    CHECK(own_changed);
  }

  /// What is not a number in a query reaches its own output and no other.
  template <class Device>
  static void check_nan_stays() {
    constexpr int context = 200, place = 120;
    const AttentionShape s = shape(1, context);
    Inputs in(s);
    in.q[static_cast<std::size_t>(s.query(0, 0, place) + 3)] = std::nanf("");
    const Results got = compute<Device>(s, in, {});
    for (int t = 0; t < context; ++t) {
      INFO("token " << t);
      REQUIRE(std::isnan(got.o[static_cast<std::size_t>(s.token(0, 0, t))]) == (t == place));
    }
  }

  /// The same bits where each tile's bounds are known beforehand.
  template <class Device>
  static void check_bounds(int B, int context) {
    const AttentionShape s = shape(B, context);
    const Inputs in(s);
    const std::vector<std::int32_t> of_tokens = documents(B, context);
    Device device;
    const auto without = on(device, s, in, of_tokens), with = on(device, s, in, of_tokens, /*with_bounds=*/true);
    for (std::size_t i = 0; i < with.size(); ++i) CHECK(same_bits(with[i], without[i]));
  }

  /// One token over a cache that is larger than what it holds gives what the whole sequence gives.
  template <class Device>
  static void check_decode(int length) {
    const int capacity = length + 11;
    const AttentionShape s = shape(1, length);
    const Inputs in(s);
    Floats q, k(static_cast<std::size_t>(KV * capacity * D), std::nanf("")), v = k;
    for (int h = 0; h < KV; ++h) {
      const auto from = static_cast<std::ptrdiff_t>(h) * length * D, to = static_cast<std::ptrdiff_t>(h) * capacity * D;
      std::copy_n(in.k.begin() + from, length * D, k.begin() + to);
      std::copy_n(in.v.begin() + from, length * D, v.begin() + to);
    }
    for (int h = 0; h < H; ++h)
      for (int d = 0; d < D; ++d) q.push_back(in.q[static_cast<std::size_t>(s.query(0, h, length - 1) + d)]);
    const Scaled want = attention_of_last<Mask>(s, to_double(in.q), to_double(in.k), to_double(in.v));
    const Floats o = alike<Device>([&](Device& device) {
      auto on_q = put<T>(device, q), on_k = put<T>(device, k), on_v = put<T>(device, v), o = room<T>(device, H * D);
      attention_decode<Mask, H, KV, D>(device, o.data(), on_q.data(), on_k.data(), on_v.data(), length, capacity);
      return std::array{o.floats()};
    })[0];
    CHECK(close(o, want.value, want.scale, error(2)));
  }
};

}  // namespace longsky::test
