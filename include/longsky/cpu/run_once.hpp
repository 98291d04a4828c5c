// longsky/cpu/run_once.hpp — a few lines of arithmetic that belong where the numbers are.
#pragma once

#include <longsky/cpu/device.hpp>

namespace longsky::cpu {

/// Calls f() once, in the order of the other ops. On a GPU it runs there, so f is a plain struct of numbers and
/// pointers whose operator() is LONGSKY_HD.
template <class F>
void run_once(Device&, F f) {
  f();
}

}  // namespace longsky::cpu
