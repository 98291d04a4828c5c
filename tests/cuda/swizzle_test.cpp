// tests/cuda/swizzle_test.cpp — every chunk of a tile has a place of its own, and the eight of a matrix eight banks.
#include "support/catch.hpp"

#include <longsky/cuda/swizzle.cuh>

#include <vector>

namespace longsky::test {

TEMPLATE_TEST_CASE_SIG("chunks of a tile lie apart, and those that are read together in different banks",
                       "[cuda][swizzle]", ((int D), D), 16, 32, 64, 128, 256) {
  using Places = cuda::Swizzle<D>;
  constexpr unsigned rows = 64;
  std::vector<bool> taken(rows * Places::chunks);
  for (unsigned row = 0; row < rows; ++row)
    for (unsigned at = 0; at < Places::chunks; ++at) {
      const unsigned bytes = Places::bytes(row, at);
      REQUIRE(bytes % 16 == 0);
      REQUIRE(bytes / 16 / Places::chunks == row);
      REQUIRE_FALSE(taken[bytes / 16]);
      taken[bytes / 16] = true;
      CHECK(Places::bytes(row, at % 2, at / 2) == bytes);
    }
  for (unsigned first = 0; first < rows; first += 8)
    for (unsigned at = 0; at < Places::chunks; ++at) {
      unsigned banks = 0;  // groups of four, which a chunk takes
      for (unsigned row = first; row < first + 8; ++row) banks |= 1u << Places::bytes(row, at) / 16 % 8;
      CHECK(banks == 0xffu);
    }
}

}  // namespace longsky::test
