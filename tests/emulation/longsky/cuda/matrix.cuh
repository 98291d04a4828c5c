// The emulation's twin of longsky/cuda/matrix.cuh, after the layouts that it documents.
#pragma once

#include <emulation/cuda_on_cpu.hpp>

#include <longsky/core/half.hpp>
#include <longsky/cuda/shared.cuh>
#include <longsky/cuda/swizzle.cuh>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace longsky::cuda {

/// Half `i` of 32 bits as a float.
inline float unpacked_bf16(std::uint32_t packed, int i) {
  return std::bit_cast<float>(i == 0 ? packed << 16 : packed & 0xffff0000u);
}

inline void multiply_add(float (&c)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  struct Factors {
    std::uint32_t a[4], b[2];
  };
  Factors mine{{a[0], a[1], a[2], a[3]}, {b0, b1}};
  const auto lanes = emulation::block.exchange(mine);
  const unsigned lane = threadIdx.x % 32;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = lane / 4 + (i / 2) * 8, column = lane % 4 * 2 + i % 2;
    double sum = c[i];
    for (unsigned k = 0; k < 16; ++k) {
      const unsigned t = k % 8 / 2;
      const std::uint32_t in_a = lanes[row % 8 * 4 + t].a[row / 8 + k / 8 * 2], in_b = lanes[column * 4 + t].b[k / 8];
      sum += double{unpacked_bf16(in_a, k % 2)} * double{unpacked_bf16(in_b, k % 2)};
    }
    c[i] = static_cast<float>(sum);
  }
}

template <int Rows, int D>
class SharedTile {
 public:
  using Places = Swizzle<D>;

  void copy_async(unsigned row, unsigned at, const bf16* from, bool there) {
    const unsigned place = place_of(row, at, Places::bytes(row, at));
    touched_[place].note_write(static_cast<int>(place));
    chunk_[place].fill(0xffff);
    copies.begin([this, place, from, there] {
      if (there)
        std::memcpy(chunk_[place].data(), from, sizeof chunk_[place]);
      else
        chunk_[place].fill(0);
      touched_[place].written = emulation::Touched::now();
    });
  }

  template <bool Transposed>
  void load_matrices(std::uint32_t (&to)[4], unsigned row, unsigned odd, unsigned pair) {
    if (odd > 1) emulation::block.fail("a chunk is odd or not, 0 or 1");
    const auto place = emulation::block.exchange(place_of(row, 2 * pair + odd, Places::bytes(row, odd, pair)));
    const unsigned lane = threadIdx.x % 32;
    const auto element = [&](unsigned matrix, unsigned r, unsigned c) {
      const unsigned p = place[matrix * 8 + r];
      touched_[p].note_read(static_cast<int>(p));
      return std::uint32_t{chunk_[p][c]};
    };
    for (unsigned m = 0; m < 4; ++m) {
      const unsigned line = lane / 4, two = lane % 4 * 2;
      to[m] = Transposed ? element(m, two, line) | element(m, two + 1, line) << 16
                         : element(m, line, two) | element(m, line, two + 1) << 16;
    }
  }

  void store_matrix(unsigned row, unsigned at, std::uint32_t pair) {
    const auto pairs = emulation::block.exchange(pair);
    const unsigned lane = threadIdx.x % 32;
    if (lane % 4 != 0) return;  // one lane stores a chunk, which is what is watched
    const unsigned place = place_of(row + lane / 4, at, Places::bytes(row + lane / 4, at));
    touched_[place].note_write(static_cast<int>(place));
    for (unsigned i = 0; i < Places::chunk; ++i)
      chunk_[place][i] = static_cast<std::uint16_t>(pairs[lane + i / 2] >> (i % 2 * 16));
  }

 private:
  /// The chunk that begins at `bytes`, which is chunk `at` of a row.
  static unsigned place_of(unsigned row, unsigned at, unsigned bytes) {
    if (row >= Rows || at >= Places::chunks)
      emulation::block.fail("row " + std::to_string(row) + ", chunk " + std::to_string(at) + " of a tile of " +
                            std::to_string(Rows) + " x " + std::to_string(Places::chunks));
    return bytes / 16;
  }

  std::array<std::uint16_t, Places::chunk> chunk_[Rows * Places::chunks];
  emulation::Touched touched_[Rows * Places::chunks];
};

}  // namespace longsky::cuda
