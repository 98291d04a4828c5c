// tests/emulation/runtime.hpp — what a test may choose of the emulated machine.
#pragma once

#include <cstddef>

namespace longsky::emulation {

extern std::size_t memory_limit;  // bytes of all device memory
extern int devices;
extern int waits;           // how often the host waited for all that was queued
extern bool hardware_sums;  // products are summed in float and in another order, as a GPU does, not in double
extern int matmul_queries;  // how often cuBLASLt was asked for an algorithm

std::size_t pinned_bytes();  // of the host's memory, held now

}  // namespace longsky::emulation
