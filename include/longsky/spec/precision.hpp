// longsky/spec/precision.hpp — in what numbers matrix products are computed.
#pragma once

#include <concepts>

namespace longsky {

/// Factors and sums in float.
struct Fp32 {
  static constexpr bool rounds_factors = false;
};

/// Factors rounded to bfloat16, sums in float; weights, states and everything that is not a matrix product stay float.
struct Bf16 {
  static constexpr bool rounds_factors = true;
};

/// What a precision policy must have.
template <class T>
concept PrecisionPolicy = requires {
  { T::rounds_factors } -> std::convertible_to<bool>;
};

}  // namespace longsky
