// tests/cuda/rows_test.cpp — the passes that compute vectors of elements apart, and the global norm, against formulas.
#include "cuda/far_memory.hpp"
#include "cuda/on_device.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference_rows.hpp"

#include <longsky/cuda/embedding.cuh>
#include <longsky/cuda/fill_zero.cuh>
#include <longsky/cuda/global_norm.cuh>
#include <longsky/cuda/rope.cuh>
#include <longsky/cuda/swiglu.cuh>

namespace longsky::test {

namespace {

template <class T>
std::span<T> span_of(OnDevice<T>& x, std::int64_t size) {
  return {x.data(), static_cast<std::size_t>(size)};
}

std::vector<std::int32_t> integers(std::int64_t n, int below, const char* name) {
  std::vector<std::int32_t> values;
  Random random(3, stream_of(name), 0);
  for (std::int64_t i = 0; i < n; ++i)
    values.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(below))));
  return values;
}

/// So that each thread has several numbers.
struct FewThreads {
  static constexpr int threads = 64;
  static constexpr std::int64_t most_blocks = 5;
};

}  // namespace

TEMPLATE_TEST_CASE("swiglu on a GPU is its formula, and its gradients its differences", "[cuda][swiglu]", float, bf16) {
  using T = TestType;
  constexpr int F = 24;
  const std::int64_t N = GENERATE(1, 33);
  cuda::Device device;
  auto gate_up = random_floats(N * 2 * F, "gate_up");
  for (float& x : gate_up) x *= 8;  // both flat ends of the sigmoid
  gate_up = stored_as<T>(gate_up);
  const auto dy = stored_as<T>(random_floats(N * F, "dy"));
  OnDevice<T> on_gate_up(device, gate_up), on_dy(device, dy), y(device, N * F), dgate_up(device, N * 2 * F);
  swiglu_forward<F>(device, Rows<T, F>{y, N}, {on_gate_up, N});
  swiglu_backward<F>(device, Rows<T, 2 * F>{dgate_up, N}, Rows<T, F>{on_dy, N}, {on_gate_up, N});

  const Doubles exact = to_double(gate_up);
  CHECK(close(y.floats(), swiglu(exact, F), 1e-6 + rounding<T>));
  CHECK(close(dgate_up.floats(), differences(exact, to_double(dy), [](const Doubles& at) { return swiglu(at, F); }),
              3e-6 + rounding<T>));

  swiglu_backward<F, T>(device, {on_gate_up, N}, {on_dy, N}, {on_gate_up, N});  // in place
  CHECK(same_bits(on_gate_up.floats(), dgate_up.floats()));
}

TEMPLATE_TEST_CASE("rope on a GPU cuts and turns as its formula says, and back", "[cuda][rope]", float, bf16) {
  using T = TestType;
  constexpr int H = 4, KV = 2, D = 32, row = (H + 2 * KV) * D, places = 300;
  constexpr double base = 10'000;
  const int B = GENERATE(1, 3), context = GENERATE(1, 37);
  const AttentionShape s{B, H, KV, context, D};
  const std::int64_t N = std::int64_t{B} * context;
  std::vector<float> table;
  for (int p = 0; p < places; ++p)
    for (int i = 0; i < D; ++i) {
      const double angle = p * std::pow(base, -2.0 * (i % (D / 2)) / D);
      table.push_back(static_cast<float>(i < D / 2 ? std::cos(angle) : std::sin(angle)));
    }
  const auto qkv = stored_as<T>(random_floats(N * row, "qkv"));
  const auto positions = integers(N, places, "positions");
  cuda::Device device;
  OnDevice<T> on_qkv(device, qkv), q(device, s.queries()), k(device, s.keys()), v(device, s.keys()),
      back(device, N * row);
  OnDevice on_table(device, table);
  OnDevice<std::int32_t> on_positions(device, positions);
  rope_forward<H, KV, D>(device, q.data(), k.data(), v.data(), {on_qkv, N}, span_of(on_positions, N), on_table,
                         context);
  rope_backward<H, KV, D>(device, Rows<T, row>{back, N}, q.data(), k.data(), v.data(), span_of(on_positions, N),
                          on_table, context);

  Doubles want_q(zeros(s.queries())), want_k(zeros(s.keys())), want_v(zeros(s.keys()));
  for (int b = 0; b < B; ++b)
    for (int t = 0; t < context; ++t) {
      const auto n = static_cast<std::size_t>(b * context + t);
      const float* from = &qkv[n * row];
      for (int h = 0; h < H; ++h) {
        double* const head = &want_q[static_cast<std::size_t>(s.query(b, h, t))];
        std::copy_n(from + h * D, D, head);
        turn_head(head, D, positions[n], base);
      }
      for (int h = 0; h < KV; ++h) {
        const auto at = static_cast<std::size_t>(((b * KV + h) * context + t) * D);
        std::copy_n(from + (H + h) * D, D, &want_k[at]);
        turn_head(&want_k[at], D, positions[n], base);
        std::copy_n(from + (H + KV + h) * D, D, &want_v[at]);
      }
    }
  CHECK(close(q.floats(), want_q, 1e-6 + rounding<T>));
  CHECK(close(k.floats(), want_k, 1e-6 + rounding<T>));
  CHECK(to_double(v.floats()) == want_v);
  CHECK(close(back.floats(), to_double(qkv), 1e-6 + 2 * rounding<T>));  // a turn's transpose is its inverse
}

TEMPLATE_TEST_CASE("embedding on a GPU looks rows up and sums their gradients", "[cuda][embedding]", float, bf16) {
  using T = TestType;
  constexpr int C = 24, V = 11;
  const std::int64_t N = GENERATE(1, 500);
  const int different = GENERATE(1, 2, V - 1);  // the last row is nobody's
  constexpr float scale = 1.5f;
  const auto tokens = integers(N, different, "tokens");
  const auto table = stored_as<T>(random_floats(V * C, "table")), dx = stored_as<T>(random_floats(N * C, "dx"));
  const auto start = random_floats(V * C, "dtable");
  Doubles want_x(static_cast<std::size_t>(N * C)), want = to_double(start), terms(start.size(), 1.0);
  for (std::size_t i = 0; i < want_x.size(); ++i) {
    const std::size_t at = static_cast<std::size_t>(tokens[i / C]) * C + i % C;
    want_x[i] = double{scale} * table[at];
    want[at] += double{scale} * dx[i];
    terms[at] += std::abs(double{scale} * dx[i]);
  }
  cuda::Device device;
  OnDevice<T> on_table(device, table), on_dx(device, dx), x(device, N * C);
  OnDevice on_dtable(device, start);
  OnDevice<std::int32_t> on_tokens(device, tokens);
  embedding_forward<C>(device, Rows<T, C>{x, N}, span_of(on_tokens, N), {on_table, V}, scale);
  embedding_backward<C>(device, Rows<float, C>{on_dtable, V}, span_of(on_tokens, N), Rows<T, C>{on_dx, N}, scale);
  CHECK(close(x.floats(), want_x, 1e-6 + rounding<T>));
  CHECK(close(on_dtable.floats(), want, terms, 1e-6));
}

TEMPLATE_TEST_CASE("embedding on a GPU reaches rows beyond 2^31 elements", "[cuda][embedding]", float, bf16) {
  using T = TestType;
  constexpr int C = 64;
  constexpr std::int32_t far = (1 << 25) + 3;
  cuda::Device device;
  FarMemory<T> table(std::int64_t{far + 1} * C);
  FarMemory<float> dtable(std::int64_t{far + 1} * C);
  table.write(std::int64_t{far} * C, std::vector<T>(C, static_cast<T>(0.5f)));
  OnDevice<T> x(device, 2 * C);
  OnDevice<std::int32_t> tokens(device, std::vector<std::int32_t>{far, far});
  embedding_forward<C>(device, Rows<T, C>{x, 2}, span_of(tokens, 2), {table.data(), far + 1}, 3.0f);
  CHECK(x.floats() == std::vector<float>(2 * C, 1.5f));
  embedding_backward<C>(device, Rows<float, C>{dtable.data(), far + 1}, span_of(tokens, 2), Rows<const T, C>{x, 2}, 2);
  CHECK(dtable.read(std::int64_t{far} * C, C) == std::vector<float>(C, 6.0f));
}

TEMPLATE_TEST_CASE("the global norm on a GPU is exact, and zeroed memory has none", "[cuda][global_norm]", float,
                   bf16) {
  const std::int64_t n = GENERATE(1, 63, 65, 5001);
  const auto x = stored_as<TestType>(random_floats(n, "x"));
  double want = 0;
  for (const float value : x) want += double{value} * double{value};
  cuda::Device device;
  OnDevice<TestType> on_x(device, x);
  const std::span<const TestType> all = span_of(on_x, n);
  const auto norm = [&]<class Tile>(Tile) {
    cuda::Memory<double> total(1);
    sum_of_squares<Tile>(device, total.data(), all);
    double value;
    device.download(&value, total.data(), 1);
    return value;
  };
  CHECK(norm(FewThreads()) == Approx(want).epsilon(1e-12));
  const double first = norm(cuda::NormTile());
  CHECK(first == Approx(want).epsilon(1e-12));
  CHECK(norm(cuda::NormTile()) == first);
  cuda::fill_zero(device, span_of(on_x, n));
  CHECK(norm(cuda::NormTile()) == 0.0);
}

}  // namespace longsky::test
