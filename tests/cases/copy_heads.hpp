// cases/copy_heads.hpp — which rows move to a cache, and that no other does, on every device.
#pragma once

#include "support/catch.hpp"
#include "support/device_array.hpp"

#include <cstddef>
#include <vector>

namespace longsky::test {

template <class Device, class T>
void check_copy_heads() {
  constexpr int D = 16, heads = 3, capacity = 9, context = 5, at = 2, length = 4;
  const auto from = stored_as<T>(random_floats(heads * context * D, "from"));
  const auto to = alike<Device>([&](Device& device) {
    auto on_from = put<T>(device, from), to = put<T>(device, std::vector<float>(heads * capacity * D, -3.0f));
    copy_heads<D>(device, to.data(), capacity, at, on_from.data(), context, length, heads);
    return std::array{to.floats()};
  })[0];
  for (int h = 0; h < heads; ++h)
    for (int t = 0; t < capacity; ++t)
      for (int d = 0; d < D; ++d) {
        const bool moved = t >= at && t < at + length;
        const float want = moved ? from[static_cast<std::size_t>((h * context + t - at) * D + d)] : -3.0f;
        REQUIRE(to[static_cast<std::size_t>((h * capacity + t) * D + d)] == want);
      }
}

}  // namespace longsky::test
