// tests/cpu/attention_test.cpp — attention against its formula, over masks, sizes, groups and threads.
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference_rows.hpp"

#include <longsky/cpu/attention.hpp>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace {

using namespace longsky;
using namespace longsky::test;

template <class MaskType, int Heads, int KvHeads, int HeadDim>
struct Case {
  using Mask = MaskType;
  static constexpr int H = Heads, KV = KvHeads, D = HeadDim;
};

/// Sees tokens of its own parity only, and token 0 sees nothing: no causal tile is whole, one row is empty.
struct SameParity {
  static constexpr bool isolates_documents = false;
  static constexpr bool visible(TokenPlace q, TokenPlace k) {
    return k.index <= q.index && (q.index - k.index) % 2 == 0 && q.index != 0;
  }
  static constexpr Cover cover(TokenRange q, TokenRange k) {
    return k.first.index > q.last.index ? Cover::none : Cover::some;
  }
};

/// Documents of uneven length: borders inside a tile, on a tile's border, and documents longer than a tile.
std::vector<std::int32_t> documents_of(int B, int T) {
  std::vector<std::int32_t> documents(static_cast<std::size_t>(B * T));
  const int lengths[] = {1, 5, 26, 32, 64, 3, 150, 17};
  for (int b = 0; b < B; ++b) {
    int document = 3 * b, left = lengths[b % 8];
    for (int t = 0; t < T; ++t) {
      if (left == 0) left = lengths[++document % 8];
      documents[static_cast<std::size_t>(b * T + t)] = document;
      --left;
    }
  }
  return documents;
}

struct Inputs {
  std::vector<float> q, k, v, d_o;
  explicit Inputs(const AttentionShape& s)
      : q(random_floats(s.queries(), "q")),
        k(random_floats(s.keys(), "k")),
        v(random_floats(s.keys(), "v")),
        d_o(random_floats(s.queries(), "d_o")) {
    for (float& x : q) x *= 3;
  }
};

struct Results {
  Guarded o, lse, dq, dk, dv;
  explicit Results(const AttentionShape& s)
      : o(s.queries()), lse(std::int64_t{s.B} * s.H * s.T), dq(s.queries()), dk(s.keys()), dv(s.keys()) {}
  bool intact() const { return o.intact() && lse.intact() && dq.intact() && dk.intact() && dv.intact(); }
};

template <class C>
Results run(const AttentionShape& s, const Inputs& in, const std::vector<std::int32_t>& documents, int threads) {
  cpu::Device device(threads);
  Results out(s);
  const std::int64_t N = std::int64_t{s.B} * s.T;
  const AttentionBatch batch{s.B, s.T, documents.empty() ? nullptr : documents.data()};
  attention_forward<typename C::Mask, C::H, C::KV, C::D>(device, Rows<float, C::H * C::D>{out.o.data(), N},
                                                         out.lse.data(), in.q.data(), in.k.data(), in.v.data(), batch);
  attention_backward<typename C::Mask, C::H, C::KV, C::D>(device, out.dq.data(), out.dk.data(), out.dv.data(),
                                                          {in.d_o.data(), N}, {out.o.data(), N}, out.lse.data(),
                                                          in.q.data(), in.k.data(), in.v.data(), batch);
  return out;
}

template <class C>
std::vector<std::int32_t> documents_for(int B, int T) {
  return C::Mask::isolates_documents ? documents_of(B, T) : std::vector<std::int32_t>{};
}

template <class C>
void check_against_reference(int B, int T, float largest = 1) {
  const AttentionShape s{B, C::H, C::KV, T, C::D};
  Inputs in(s);
  for (float& x : in.q) x *= largest;
  const std::vector<std::int32_t> documents = documents_for<C>(B, T);
  const Results got = run<C>(s, in, documents, 2);
  const AttentionReference want =
      attention<typename C::Mask>(s, to_double(in.q), to_double(in.k), to_double(in.v), to_double(in.d_o), documents);
  INFO("B " << B << ", T " << T);
  CHECK(close(got.o.span(), want.o.value, want.o.scale, 1e-6));
  CHECK(close(got.dq.span(), want.dq.value, want.dq.scale, 1e-6));
  CHECK(close(got.dk.span(), want.dk.value, want.dk.scale, 1e-6));
  CHECK(close(got.dv.span(), want.dv.value, want.dv.scale, 1e-6));
  CHECK(got.intact());
  for (std::size_t i = 0; i < want.lse.size(); ++i) {
    const double lse = got.lse.span()[i];
    const bool same = lse == want.lse[i] || std::abs(lse - want.lse[i]) <= 1e-6 * (10 + std::abs(want.lse[i]));
    INFO("lse " << i << ": got " << lse << ", want " << want.lse[i]);
    if (!same) REQUIRE(same);
  }
}

using Cases = std::tuple<Case<Causal, 2, 2, 16>, Case<SlidingWindow<37>, 2, 1, 32>, Case<WithinDocument<>, 4, 1, 32>,
                         Case<WithinDocument<SlidingWindow<40>>, 2, 1, 48>, Case<SameParity, 2, 2, 32>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("attention agrees with its formula at every length", "[attention]", Cases) {
  const int T = GENERATE(1, 2, 15, 33, 48, 97, 300);
  check_against_reference<TestType>(T < 90 ? 3 : 1, T);
}

TEST_CASE("attention agrees with its formula past the tile of queries", "[attention]") {
  check_against_reference<Case<Causal, 2, 1, 64>>(1, 500);
}

TEST_CASE("attention agrees with its formula where scores are in the hundreds", "[attention]") {
  check_against_reference<Case<Causal, 2, 1, 32>>(1, 300, 300.0f);
}

TEST_CASE("attention's gradients are the differences of its formula", "[attention]") {
  const AttentionShape s{1, 2, 1, 7, 16};
  const Inputs in(s);
  const Results got = run<Case<Causal, 2, 1, 16>>(s, in, {}, 1);
  const Doubles q = to_double(in.q), k = to_double(in.k), v = to_double(in.v), d_o = to_double(in.d_o);
  const auto o = [&](const Doubles& q1, const Doubles& k1, const Doubles& v1) {
    return attention<Causal>(s, q1, k1, v1, d_o, {}).o.value;
  };
  CHECK(close(got.dq.span(), differences(q, d_o, [&](const Doubles& x) { return o(x, k, v); }), 2e-6));
  CHECK(close(got.dk.span(), differences(k, d_o, [&](const Doubles& x) { return o(q, x, v); }), 2e-6));
  CHECK(close(got.dv.span(), differences(v, d_o, [&](const Doubles& x) { return o(q, k, x); }), 2e-6));
}

TEMPLATE_LIST_TEST_CASE("attention has the same bits for any number of threads", "[attention]", Cases) {
  const AttentionShape s{1, TestType::H, TestType::KV, 331, TestType::D};
  const Inputs in(s);
  const std::vector<std::int32_t> documents = documents_for<TestType>(1, 331);
  const Results one = run<TestType>(s, in, documents, 1);
  const int threads = GENERATE(2, 3, 8);
  const Results many = run<TestType>(s, in, documents, threads);
  CHECK(same_bits(one.o.vector(), many.o.vector()));
  CHECK(same_bits(one.lse.vector(), many.lse.vector()));
  CHECK(same_bits(one.dq.vector(), many.dq.vector()));
  CHECK(same_bits(one.dk.vector(), many.dk.vector()));
  CHECK(same_bits(one.dv.vector(), many.dv.vector()));
}

TEST_CASE("a document's attention does not change by a bit when another document does", "[attention]") {
  using C = Case<WithinDocument<>, 4, 1, 32>;
  constexpr int T = 331;
  const AttentionShape s{1, C::H, C::KV, T, C::D};
  const std::vector<std::int32_t> documents = documents_of(1, T);
  const Inputs before(s);
  Inputs after = before;
  const std::int32_t changed = GENERATE(2, 3, 6);
  for (int t = 0; t < T; ++t)
    for (int d = 0; d < s.D && documents[static_cast<std::size_t>(t)] == changed; ++d) {
      for (int h = 0; h < s.H; ++h) after.q[static_cast<std::size_t>(s.query(0, h, t) + d)] *= 50;
      for (int h = 0; h < s.H; ++h) after.d_o[static_cast<std::size_t>(s.token(0, h, t) + d)] += 1;
      after.k[static_cast<std::size_t>(s.key(0, 0, t) + d)] += 1;
      after.v[static_cast<std::size_t>(s.key(0, 0, t) + d)] += 1;
    }
  const Results a = run<C>(s, before, documents, 2), b = run<C>(s, after, documents, 2);
  bool others_same = true, own_changed = false;
  const auto compare = [&](const Guarded& x, const Guarded& y, std::int64_t first, int t) {
    const bool same = std::equal(&x.span()[first], &x.span()[first] + s.D, &y.span()[first]);
    (documents[static_cast<std::size_t>(t)] == changed ? own_changed : others_same) =
        documents[static_cast<std::size_t>(t)] == changed ? own_changed || !same : others_same && same;
  };
  for (int t = 0; t < T; ++t) {
    for (int h = 0; h < s.H; ++h) compare(a.o, b.o, s.token(0, h, t), t), compare(a.dq, b.dq, s.query(0, h, t), t);
    compare(a.dk, b.dk, s.key(0, 0, t), t), compare(a.dv, b.dv, s.key(0, 0, t), t);
  }
  CHECK(others_same);
  CHECK(own_changed);
}

TEST_CASE("a NaN in a query reaches its own output and no other", "[attention]") {
  using C = Case<Causal, 1, 1, 16>;
  const AttentionShape s{1, 1, 1, 200, 16};
  Inputs in(s);
  in.q[static_cast<std::size_t>(s.query(0, 0, 120) + 3)] = std::nanf("");
  const Results got = run<C>(s, in, {}, 2);
  for (int t = 0; t < s.T; ++t) {
    INFO("token " << t);
    REQUIRE(std::isnan(got.o.span()[static_cast<std::size_t>(s.token(0, 0, t))]) == (t == 120));
  }
}

TEMPLATE_TEST_CASE("one token at a time gives what the whole sequence gives", "[attention]", (Case<Causal, 4, 2, 64>),
                   (Case<SlidingWindow<700>, 2, 1, 16>)) {
  using C = TestType;
  constexpr int T = 1100, capacity = 1111;
  const AttentionShape s{1, C::H, C::KV, T, C::D};
  const Inputs in(s);
  const Results whole = run<C>(s, in, {}, 2);
  std::vector<float> k(static_cast<std::size_t>(C::KV * capacity * C::D), std::nanf("")), v = k;
  for (int h = 0; h < C::KV; ++h) {
    std::copy_n(&in.k[static_cast<std::size_t>(h * T * C::D)], T * C::D,
                &k[static_cast<std::size_t>(h * capacity * C::D)]);
    std::copy_n(&in.v[static_cast<std::size_t>(h * T * C::D)], T * C::D,
                &v[static_cast<std::size_t>(h * capacity * C::D)]);
  }
  const int length = GENERATE(1, 2, 17, 512, 513, 1100);
  std::vector<float> q;
  Doubles want;
  for (int h = 0; h < C::H; ++h)
    for (int d = 0; d < C::D; ++d) {
      q.push_back(in.q[static_cast<std::size_t>(s.query(0, h, length - 1) + d)]);
      want.push_back(whole.o.span()[static_cast<std::size_t>(s.token(0, h, length - 1) + d)]);
    }
  const auto decode = [&](int threads) {
    cpu::Device device(threads);
    Guarded o(C::H * C::D);
    attention_decode<typename C::Mask, C::H, C::KV, C::D>(device, o.data(), q.data(), k.data(), v.data(), length,
                                                          capacity);
    CHECK(o.intact());
    return o.vector();
  };
  const std::vector<float> one = decode(1);
  CHECK(close(one, want, 3e-6));
  CHECK(same_bits(one, decode(3)));
}
