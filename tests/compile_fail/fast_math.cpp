// error: remove the tests for NaN that training relies on
// cause: Under `-ffast-math`, `-Ofast` or `-ffinite-math-only` the compiler assumes that no number is NaN or infinite: a loss that is not a number would reach the weights.
// remedy: Leave the flag out, or write `-fno-finite-math-only` behind it.
// flags: -ffast-math
#include <longsky/train/spike_guard.hpp>
