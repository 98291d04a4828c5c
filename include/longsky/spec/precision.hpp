// longsky/spec/precision.hpp — in what numbers matrix products are computed and, on a GPU, weights are kept.
#pragma once

#include <concepts>

namespace longsky {

/// Factors and sums in float.
struct Fp32 {
  static constexpr bool rounds_factors = false;
  static constexpr bool keeps_master = true;
};

/// Factors rounded to bfloat16, sums in float. On the CPU all that is not a matrix product stays float; a GPU stores
/// weights and activations in bfloat16, and the optimizer works on float weights and moments beside them.
struct Bf16 {
  static constexpr bool rounds_factors = true;
  static constexpr bool keeps_master = true;
};

/// As Bf16, but on a GPU weights and moments are bfloat16 alone: 10 bytes a parameter with the gradient instead of 18.
/// Updates are rounded up or down at random, so that small ones are not lost (arXiv 2010.06192).
struct Bf16Stochastic {
  static constexpr bool rounds_factors = true;
  static constexpr bool keeps_master = false;
};

/// What a precision policy must have. `keeps_master`: the optimizer has float weights where a device stores bfloat16.
template <class T>
concept PrecisionPolicy = requires {
  { T::rounds_factors } -> std::convertible_to<bool>;
  { T::keeps_master } -> std::convertible_to<bool>;
};

}  // namespace longsky
