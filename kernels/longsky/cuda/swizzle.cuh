// longsky/cuda/swizzle.cuh — where the 16-byte chunks of rows lie in shared memory, so that the eight which a matrix of
// ldmatrix is made of, one chunk of each of eight rows, lie in different banks.
#pragma once

#include <longsky/core/config.hpp>

namespace longsky::cuda {

/// Rows of D elements of two bytes. A chunk stays in its row and moves to another place in it.
template <int D>
struct Swizzle {
  static constexpr unsigned chunk = 8, chunks = D / chunk;  // elements of 16 bytes, and how many there are in a row
  static constexpr unsigned spread = chunks < 8 ? chunks : 8;
  static_assert((spread & (spread - 1)) == 0, "longsky: a row of a tile has 2, 4, 8 chunks or a multiple of 8");

  /// What the numbers of a row's chunks are crossed with.
  LONGSKY_HD static constexpr unsigned spot(unsigned row) { return row / (8 / spread) % spread; }

  /// Where chunk `at` of a row begins, in bytes.
  LONGSKY_HD static constexpr unsigned bytes(unsigned row, unsigned at) {
    return row * chunks * 16 + (at ^ spot(row)) * 16;
  }
  /// The same of chunk 2 * pair + odd, odd 0 or 1: what lanes differ in comes first, so that one more instruction leads
  /// to any pair that is known when this is compiled.
  LONGSKY_HD static constexpr unsigned bytes(unsigned row, unsigned odd, unsigned pair) {
    return row * chunks * 16 + ((odd ^ spot(row)) * 16 ^ pair * 32);
  }
};

}  // namespace longsky::cuda
