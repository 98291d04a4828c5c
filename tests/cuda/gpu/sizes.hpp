// cuda/gpu/sizes.hpp — at what sizes the ops are repeated: on a GPU, and in the emulation.
#pragma once

#include <cstdint>

namespace longsky::test {

/// Fills any GPU of today: what a layer of a model of 8 billion weights works on.
struct FullSize {
  static constexpr int width = 4096, ffn = 14336, vocab = 65536, heads = 16, kv_heads = 4;
  static constexpr int context = 16384, float_context = 4096, cache = 262144, shortest = 64;
  static constexpr std::int64_t rows = 16384, sequences = 2, weights = std::int64_t{1} << 26;
};

/// Every kernel in hardly any time; no length is a whole number of tiles.
struct TinySize {
  static constexpr int width = 16, ffn = 24, vocab = 40, heads = 2, kv_heads = 1;
  static constexpr int context = 70, float_context = 40, cache = 33, shortest = 5;
  static constexpr std::int64_t rows = 34, sequences = 1, weights = 70;
};

}  // namespace longsky::test
