// tests/cpu/adamw_test.cpp — AdamW against its formula, over steps and sizes.
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference_rows.hpp"

#include <longsky/cpu/adamw.hpp>

namespace {

using namespace longsky;
using namespace longsky::test;

struct State {
  Guarded w, m, v;
  explicit State(std::int64_t n) : w(random_floats(n, "w")), m(n, 0.0f), v(n, 0.0f) {}
};

constexpr AdamWConstants constants{.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f};
constexpr float lr = 0.01f;

StepScale scale_of(int step) {
  return {.lr = lr,
          .gradient_scale = 0.25f,
          .to_m_hat = bias_correction(constants.beta1, step),
          .to_v_hat = bias_correction(constants.beta2, step),
          .step = step};
}

/// Three steps with other gradients each.
State run(std::int64_t n, int threads) {
  cpu::Device device(threads);
  State s(n);
  for (int step = 1; step <= 3; ++step) {
    const auto g = random_floats(n, step % 2 ? "odd" : "even");
    const auto size = static_cast<std::size_t>(n);
    const StepScale scale = scale_of(step);
    adamw_step(device, {s.w.data(), size}, {s.m.data(), size}, {s.v.data(), size}, g, constants, &scale);
  }
  CHECK((s.w.intact() && s.m.intact() && s.v.intact()));
  return s;
}

}  // namespace

TEST_CASE("adamw is its formula", "[adamw]") {
  const std::int64_t n = GENERATE(1, 15, 16, 1000, 40'001);
  Doubles w = to_double(random_floats(n, "w")), m = zeros(n), v = zeros(n);
  for (int step = 1; step <= 3; ++step) {
    const auto gradient = random_floats(n, step % 2 ? "odd" : "even");
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double g = 0.25 * gradient[i], b1 = double{constants.beta1}, b2 = double{constants.beta2};
      m[i] = b1 * m[i] + (1 - b1) * g;
      v[i] = b2 * v[i] + (1 - b2) * g * g;
      const double m_hat = m[i] / (1 - std::pow(b1, step)), v_hat = v[i] / (1 - std::pow(b2, step));
      w[i] -= double{lr} * (m_hat / (std::sqrt(v_hat) + double{constants.eps}) + double{constants.weight_decay} * w[i]);
    }
  }
  const State one = run(n, 1), many = run(n, 3);
  CHECK(close(one.w.span(), w, 1e-6));
  CHECK(close(one.m.span(), m, Doubles(m.size(), 0.25), 1e-6));  // gradients are up to 0.25
  CHECK(close(one.v.span(), v, 2e-6));
  CHECK(same_bits(one.w.vector(), many.w.vector()));
}

TEST_CASE("adamw's first step moves a weight by the learning rate, decay apart", "[adamw]") {
  cpu::Device device(1);
  std::vector<float> w{1, 1}, m(2), v(2);
  const std::vector<float> g{1e-3f, -40.0f};
  AdamWConstants no_decay = constants;
  no_decay.weight_decay = 0;
  const StepScale first = scale_of(1);
  adamw_step(device, w, m, v, g, no_decay, &first);
  CHECK(w[0] == Approx(0.99).epsilon(1e-4));
  CHECK(w[1] == Approx(1.01).epsilon(1e-4));
}

TEST_CASE("adamw without a gradient only decays", "[adamw]") {
  cpu::Device device(1);
  std::vector<float> w{2, -3, 0}, m(3), v(3);
  const std::vector<float> g(3);
  const StepScale first = scale_of(1);
  adamw_step(device, w, m, v, g, constants, &first);
  CHECK(w[0] == Approx(2 * (1 - 0.001)));
  CHECK(w[1] == Approx(-3 * (1 - 0.001)));
  CHECK(w[2] == 0.0f);
}

TEST_CASE("a step that is to be skipped leaves everything as it is", "[adamw]") {
  cpu::Device device(1);
  std::vector<float> w{2, -3, 0}, m{1, 1, 1}, v{1, 1, 1};
  const std::vector<float> g(3, std::numeric_limits<float>::quiet_NaN());
  StepScale skipped = scale_of(1);
  skipped.skip = 1;
  adamw_step(device, w, m, v, g, constants, &skipped);
  CHECK(w == std::vector<float>{2, -3, 0});
  CHECK(m == std::vector<float>{1, 1, 1});
  CHECK(v == std::vector<float>{1, 1, 1});
}
