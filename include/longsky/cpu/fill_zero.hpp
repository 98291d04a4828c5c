// longsky/cpu/fill_zero.hpp — zeroes memory.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/cpu/device.hpp>

#include <algorithm>
#include <cstdint>
#include <span>

namespace longsky::cpu {

/// Every element of `x` becomes 0.
inline void fill_zero(Device& device, std::span<float> x) {
  parallel_chunks(device.threads(), static_cast<std::int64_t>(x.size()), 1 << 18,
                  [&](std::int64_t first, std::int64_t last, std::int64_t) {
                    std::fill(x.begin() + first, x.begin() + last, 0.0f);
                  });
}

}  // namespace longsky::cpu
