// longsky/spec/position.hpp — rotary positions (RoPE) and the ways to stretch them to a longer context.
//
//   pair i of a head of D dims turns by  position * inverse_frequency(i),  inverse_frequency(i) = base^(-2i/D)
//
// Half-split layout: dim i pairs with dim i + D/2. Angles are computed in double: in bf16 positions beyond 256 alias.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>

namespace longsky {

/// How the frequencies change when a model is stretched by `factor`.
enum class RopeScaling {
  none,       ///< base alone; changing the base is ABF (Llama 2 Long, arXiv 2309.16039)
  linear,     ///< every frequency divided by factor: position interpolation (arXiv 2306.15595)
  ntk_aware,  ///< base * factor^(D/(D-2)): the fastest pair stays, the slowest is interpolated
};

/// The numbers of a rotary embedding.
struct RopeSpec {
  double base = 10'000;
  RopeScaling scaling = RopeScaling::none;
  double factor = 1;  ///< target length / trained length; used by linear and ntk_aware

  friend constexpr bool operator==(const RopeSpec&, const RopeSpec&) = default;
  friend std::ostream& operator<<(std::ostream& os, const RopeSpec& r) {
    constexpr const char* names[] = {"none", "linear", "ntk_aware"};
    return os << "RopeSpec{.base = " << r.base << ", .scaling = " << names[static_cast<int>(r.scaling)]
              << ", .factor = " << r.factor << '}';
  }
};

/// The angle by which pair `i` of a head of `head_dim` dims turns per position, radians.
inline double inverse_frequency(const RopeSpec& rope, int head_dim, int i) {
  const double d = head_dim;
  const double base =
      rope.scaling == RopeScaling::ntk_aware ? rope.base * std::pow(rope.factor, d / (d - 2)) : rope.base;
  const double inverse = std::pow(base, -2.0 * i / d);
  return rope.scaling == RopeScaling::linear ? inverse / rope.factor : inverse;
}

/// Fills rows of `head_dim` floats, one per position from 0: the cosines of the pairs' angles, then the sines.
inline void fill_rope_table(std::span<float> table, const RopeSpec& rope, int head_dim) {
  const int half = head_dim / 2;
  const std::int64_t positions = std::ssize(table) / head_dim;
  for (int i = 0; i < half; ++i) {
    const double turn = inverse_frequency(rope, head_dim, i);
    for (std::int64_t p = 0; p < positions; ++p) {
      const double angle = static_cast<double>(p) * turn;
      float* const row = table.data() + p * head_dim;
      row[i] = static_cast<float>(std::cos(angle));
      row[half + i] = static_cast<float>(std::sin(angle));
    }
  }
}

/// Rotary positions as a policy: `Rope<RopeSpec{.base = 1e6}>`.
template <RopeSpec Spec>
struct Rope {
  static_assert(Spec.base > 1, "longsky: a rotary base must be greater than 1");
  static_assert(Spec.factor >= 1, "longsky: a rotary factor is target length / trained length, at least 1");
  static constexpr RopeSpec spec = Spec;
};

/// What a position policy must have.
template <class T>
concept PositionPolicy = requires {
  { T::spec } -> std::convertible_to<RopeSpec>;
};

}  // namespace longsky
