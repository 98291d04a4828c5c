// longsky/core/finite_math.hpp — refuses a build in which nothing can be "not a number".
//
// A loss that is not finite ends a run before it reaches the weights, masked scores are -infinity, and a figure that is
// not known is written as null. Under -ffinite-math-only (-ffast-math, -Ofast) the compiler takes each of those tests
// for false and leaves it out: every weight becomes NaN and the run ends well. nvcc's --use_fast_math keeps the tests.
#pragma once

#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error "longsky: -ffast-math and -ffinite-math-only remove the tests for NaN that training relies on; add -fno-finite-math-only"
#endif
