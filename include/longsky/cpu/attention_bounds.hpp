// longsky/cpu/attention_bounds.hpp — what layers share of their mask: on the CPU nothing, each asks it tile by tile.
#pragma once

#include <longsky/cpu/device.hpp>
#include <longsky/spec/attention.hpp>

#include <cstdint>

namespace longsky::cpu {

/// Writes nothing: Device::attention_bounds_size is 0, and attention on the CPU does not read AttentionBatch::bounds.
template <class Mask, int H, int KV, int D, class T>
void attention_bounds(Device&, std::int32_t*, AttentionBatch) {}

}  // namespace longsky::cpu
