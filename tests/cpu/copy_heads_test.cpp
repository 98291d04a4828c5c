// tests/cpu/copy_heads_test.cpp — which rows move, and that no other does.
#include "support/catch.hpp"

#include <longsky/cpu/copy_heads.hpp>

#include <vector>

using namespace longsky;

TEST_CASE("rows of every head move to their place in the other table", "[copy_heads]") {
  constexpr int D = 16, heads = 3, capacity = 9, context = 5, at = 2, length = 4;
  cpu::Device device(1);
  std::vector<float> from(heads * context * D), to(heads * capacity * D, -1.0f);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<float>(i);
  cpu::copy_heads<D>(device, to.data(), capacity, at, from.data(), context, length, heads);
  for (int h = 0; h < heads; ++h)
    for (int t = 0; t < capacity; ++t)
      for (int d = 0; d < D; ++d) {
        const bool moved = t >= at && t < at + length;
        const float want = moved ? static_cast<float>((h * context + t - at) * D + d) : -1.0f;
        REQUIRE(to[static_cast<std::size_t>((h * capacity + t) * D + d)] == want);
      }
}
