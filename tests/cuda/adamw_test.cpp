// tests/cuda/adamw_test.cpp — AdamW on a GPU against its formula; rounding at random, which is right on average.
#include "cuda/on_device.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference_rows.hpp"

#include <longsky/cuda/adamw.cuh>
#include <longsky/cuda/run_once.cuh>

#include <cmath>

namespace longsky::test {

namespace {

constexpr AdamWConstants constants{.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f};

StepScale scale_of(int step) {
  return {.lr = 0.01f,
          .gradient_scale = 0.25f,
          .to_m_hat = bias_correction(constants.beta1, step),
          .to_v_hat = bias_correction(constants.beta2, step),
          .step = step};
}

template <class W>
struct State {
  cuda::Device& device;
  std::size_t n;
  OnDevice<W> w, m, v;
  OnDevice<bf16> copy;

  State(cuda::Device& device, const std::vector<float>& start)
      : device(device),
        n(start.size()),
        w(device, start),
        m(device, std::vector<float>(n)),
        v(device, std::vector<float>(n)),
        copy(device, static_cast<std::int64_t>(n)) {}

  void update(const std::vector<float>& gradient, const StepScale& scale, AdamWConstants c = constants) {
    OnDevice g(device, gradient);
    OnDevice<StepScale> step(device, std::vector<StepScale>{scale});
    const auto span = [&](W* data) { return std::span<W>(data, n); };
    adamw_step(device, span(w), span(m), span(v), std::span<const float>(g.data(), n), c, step.data(), copy.data());
  }
};

struct RoundMany {
  float x;
  bf16* to;
  int n;
  LONGSKY_HD void operator()() const {
    for (int i = 0; i < n; ++i)
      to[i] = cuda::rounded_at_random(x, philox({static_cast<std::uint32_t>(i), 0, 0, 0}, {1, 2})[0]);
  }
};

}  // namespace

TEST_CASE("adamw on a GPU is its formula, and keeps a copy in another type", "[cuda][adamw]") {
  const std::int64_t n = GENERATE(1, 3, 4, 1003);
  Doubles w = to_double(random_floats(n, "w")), m = zeros(n), v = zeros(n);
  cuda::Device device;
  State<float> state(device, random_floats(n, "w"));
  for (int step = 1; step <= 3; ++step) {
    const auto gradient = random_floats(n, step % 2 ? "odd" : "even");
    const StepScale scale = scale_of(step);
    state.update(gradient, scale);
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double b1 = double{constants.beta1}, b2 = double{constants.beta2}, scaled = 0.25 * gradient[i];
      m[i] = b1 * m[i] + (1 - b1) * scaled;
      v[i] = b2 * v[i] + (1 - b2) * scaled * scaled;
      const double m_hat = m[i] / (1 - std::pow(b1, step)), v_hat = v[i] / (1 - std::pow(b2, step));
      w[i] -= double{scale.lr} *
              (m_hat / (std::sqrt(v_hat) + double{constants.eps}) + double{constants.weight_decay} * w[i]);
    }
  }
  CHECK(close(state.w.floats(), w, 1e-6));
  CHECK(close(state.m.floats(), m, Doubles(m.size(), 0.25), 1e-6));  // gradients are up to 0.25
  CHECK(close(state.v.floats(), v, 2e-6));
  CHECK(same_bits(state.copy.floats(), stored_as<bf16>(state.w.floats())));
}

TEMPLATE_TEST_CASE("a step that is to be skipped leaves everything on a GPU as it is", "[cuda][adamw]", float, bf16) {
  cuda::Device device;
  State<TestType> state(device, random_floats(37, "w"));
  const auto before = state.w.floats();
  StepScale skipped = scale_of(1);
  skipped.skip = 1;
  state.update(std::vector<float>(37, NAN), skipped);
  CHECK(same_bits(state.w.floats(), before));
  CHECK(same_bits(state.m.floats(), std::vector<float>(37)));
}

TEST_CASE("rounding at random gives one of the two neighbours, and on average the number", "[cuda][adamw]") {
  constexpr int n = 20'000;
  const float x = GENERATE(1.0f + 3.0f / 1024, -0.3711f, 1e-20f, 2.5f);
  cuda::Device device;
  OnDevice<bf16> rounded(device, std::int64_t{n});
  run_once(device, RoundMany{x, rounded.data(), n});
  const float down = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffff0000u);
  const float up = std::bit_cast<float>((std::bit_cast<std::uint32_t>(x) & 0xffff0000u) + 0x10000u);
  double mean = 0;
  for (const float value : rounded.floats()) {
    CHECK((value == down || value == up));
    mean += double{value} / n;
  }
  // Five deviations of a mean of n draws between the two.
  CHECK(std::abs(mean - double{x}) <= 5 * 0.5 * std::abs(double{up} - double{down}) / std::sqrt(n));
  if (x == down) CHECK(mean == Approx(double{x}).epsilon(1e-12));
}

TEST_CASE("what is no finite number stays so when it is rounded at random", "[cuda][adamw]") {
  cuda::Device device;
  for (const float x : {INFINITY, -INFINITY, NAN}) {
    OnDevice<bf16> rounded(device, std::int64_t{8});
    run_once(device, RoundMany{x, rounded.data(), 8});
    for (const float value : rounded.floats()) CHECK((std::isnan(x) ? std::isnan(value) : value == x));
  }
}

TEST_CASE("bfloat16 weights follow float ones through steps that rounding to nearest would lose", "[cuda][adamw]") {
  constexpr std::size_t n = 512;
  const std::vector<float> start(n, 1.0f), gradient(n, 1.0f);
  cuda::Device device;
  State<float> exact(device, start);
  State<bf16> small(device, start), again(device, start);
  AdamWConstants no_decay = constants;
  no_decay.weight_decay = 0;
  for (int step = 1; step <= 8; ++step) {
    StepScale scale = scale_of(step);
    scale.lr = 5e-4f;  // an eighth of the distance between 1 and the next bfloat16 below
    exact.update(gradient, scale, no_decay);
    small.update(gradient, scale, no_decay);
    again.update(gradient, scale, no_decay);
  }
  const auto mean = [](const std::vector<float>& values) {
    double sum = 0;
    for (const float x : values) sum += double{x} / n;
    return sum;
  };
  CHECK(mean(exact.w.floats()) == Approx(1 - 8 * 5e-4).epsilon(1e-4));
  CHECK(mean(small.w.floats()) == Approx(mean(exact.w.floats())).margin(6e-4));
  CHECK(same_bits(small.w.floats(), again.w.floats()));
  // Where the model's vector is cut does not matter, how far along it an element lies does.
  State<bf16> other(device, start);
  no_decay.first = 4096;
  other.update(gradient, scale_of(1), no_decay);
  State<bf16> first(device, start);
  no_decay.first = 0;
  first.update(gradient, scale_of(1), no_decay);
  CHECK(other.w.floats() != first.w.floats());
  // Another seed and another step round otherwise.
  for (const auto& [seed, step] : {std::pair(1, 1), std::pair(0, 2)}) {
    State<bf16> otherwise(device, start);
    StepScale scale = scale_of(1);
    scale.seed = static_cast<std::uint64_t>(seed);
    scale.step = step;
    otherwise.update(gradient, scale, no_decay);
    CHECK(otherwise.w.floats() != first.w.floats());
  }
}

}  // namespace longsky::test
