// tests/cpu/swiglu_test.cpp — the gated unit against its formula and the differences of it.
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference_rows.hpp"

#include <longsky/cpu/swiglu.hpp>

namespace {

using namespace longsky;
using namespace longsky::test;

template <int F>
struct Width {
  static constexpr int value = F;
};

}  // namespace

TEMPLATE_TEST_CASE("swiglu is its formula, whatever the width", "[swiglu]", Width<1>, Width<5>, Width<16>, Width<100>,
                   Width<256>) {
  constexpr int F = TestType::value;
  const std::int64_t N = GENERATE(1, 3, 300);
  auto gate_up = random_floats(N * 2 * F, "gate_up");
  for (float& x : gate_up) x *= 10;
  Guarded one(N * F), many(N * F);
  cpu::Device device(1), other(8);
  swiglu_forward<F>(device, {one.data(), N}, {gate_up.data(), N});
  swiglu_forward<F>(other, {many.data(), N}, {gate_up.data(), N});
  const Doubles want = swiglu(to_double(gate_up), F);
  Doubles scale;
  for (double y : want) scale.push_back(std::abs(y) + 1e-20);
  CHECK(close(one.span(), want, scale, 4e-6));
  CHECK(same_bits(one.vector(), many.vector()));
  CHECK((one.intact() && many.intact()));
}

TEMPLATE_TEST_CASE("swiglu's gradient is the differences of its formula, in place too", "[swiglu]", Width<5>, Width<16>,
                   Width<21>) {
  constexpr int F = TestType::value;
  constexpr std::int64_t N = 3;
  const auto gate_up = random_floats(N * 2 * F, "gate_up"), dy = random_floats(N * F, "dy");
  const Doubles want = differences(to_double(gate_up), to_double(dy), [](const Doubles& x) { return swiglu(x, F); });
  cpu::Device device(2);
  Guarded apart(N * 2 * F), in_place(gate_up);
  swiglu_backward<F>(device, {apart.data(), N}, {dy.data(), N}, {gate_up.data(), N});
  swiglu_backward<F>(device, {in_place.data(), N}, {dy.data(), N}, {in_place.data(), N});
  CHECK(close(apart.span(), want, 2e-6));
  CHECK(same_bits(apart.vector(), in_place.vector()));
  CHECK((apart.intact() && in_place.intact()));
}

TEST_CASE("swiglu stays finite at large gates", "[swiglu]") {
  const std::vector<float> gate_up{-200.0f, 200.0f, -88.0f, 1e30f, 1.0f, 2.0f, 3.0f, 4.0f}, dy(4, 1.0f);
  cpu::Device device(1);
  Guarded y(4), d(8);
  swiglu_forward<4>(device, {y.data(), 1}, {gate_up.data(), 1});
  swiglu_backward<4>(device, {d.data(), 1}, {dy.data(), 1}, {gate_up.data(), 1});
  CHECK(std::abs(y.span()[0]) < 1e-30f);
  CHECK(y.span()[1] == 400.0f);
  CHECK(y.span()[3] == 4e30f);
  for (float x : d.span()) CHECK(std::isfinite(x));
}
