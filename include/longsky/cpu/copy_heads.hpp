// longsky/cpu/copy_heads.hpp — moves rows of every head from one table of keys or values into another.
#pragma once

#include <longsky/cpu/device.hpp>

#include <algorithm>
#include <cstdint>

namespace longsky::cpu {

/// to[h][at + i] = from[h][i] for i below `length` and every head.
/// to [heads, to_capacity, D], from [heads, from_context, D].
template <int D>
void copy_heads(Device&, float* to, int to_capacity, int at, const float* from, int from_context, int length,
                int heads) {
  for (std::int64_t h = 0; h < heads; ++h)
    std::copy_n(from + h * from_context * D, std::int64_t{length} * D, to + (h * to_capacity + at) * D);
}

}  // namespace longsky::cpu
