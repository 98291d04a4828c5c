// tests/nn/device_test.cpp — the CPU is a device, and a device that lacks an op is none.
#include "support/catch.hpp"

#include <longsky/cpu/cpu.hpp>
#include <longsky/nn/device.hpp>

namespace lacking {
struct Device : longsky::cpu::Device {};
void fill_zero(Device&, std::span<float>) = delete;
}  // namespace lacking

static_assert(longsky::Device<longsky::cpu::Device>);
static_assert(!longsky::Device<lacking::Device>);
static_assert(!longsky::Device<int>);
