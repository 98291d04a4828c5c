// longsky/core/random.hpp — Philox 4x32-10, a counter-based generator: draw n of a stream costs the same for every n.
//
//   block(key, counter) = ten rounds of (hi, lo) = M * c;  c = {hi1 ^ c1 ^ k0, lo1, hi0 ^ c3 ^ k1, lo0};  k += W
//
// Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011). Nothing here has state beyond (seed, stream,
// index, draws so far), so a run can be resumed at any step, by any number of threads, with the same numbers.
#pragma once

#include <longsky/core/config.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

namespace longsky {

/// One block of Philox 4x32-10: four random words for a 128-bit counter under a 64-bit key.
LONGSKY_HD constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                                         std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
  }
  return counter;
}

/// The number of a named stream (FNV-1a), so that two uses of one seed never share numbers by accident.
LONGSKY_HD constexpr std::uint32_t stream_of(std::string_view name) {
  std::uint32_t hash = 2166136261u;
  for (char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619u;
  return hash;
}

/// The random numbers of item `index` of a stream. Equal arguments give equal numbers, on every machine.
class Random {
 public:
  constexpr Random(std::uint64_t seed, std::uint32_t stream, std::uint64_t index)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        counter_{0, stream, static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32)} {}

  /// 32 uniform bits.
  constexpr std::uint32_t bits() {
    if (used_ == 4) {
      block_ = philox(counter_, key_);
      ++counter_[0];
      used_ = 0;
    }
    return block_[used_++];
  }

  /// As if `bits` had been called `draws` times; at no cost.
  constexpr void skip(std::uint64_t draws) {
    const std::uint64_t place = std::uint64_t{counter_[0]} * 4 - (4 - used_) + draws;
    counter_[0] = static_cast<std::uint32_t>(place / 4);
    used_ = 4;
    for (std::uint64_t i = 0; i < place % 4; ++i) bits();
  }

  /// Uniform in [0, 1), a multiple of 2^-24.
  constexpr float uniform() { return static_cast<float>(bits() >> 8) * 0x1p-24f; }

  /// Uniform in [low, high).
  constexpr float uniform(float low, float high) { return low + (high - low) * uniform(); }

  /// Uniform in {0, …, n-1}, without bias (Lemire's method). `n` must be positive.
  constexpr std::uint32_t below(std::uint32_t n) {
    std::uint64_t product = std::uint64_t{bits()} * n;
    if (static_cast<std::uint32_t>(product) < n) {
      const std::uint32_t threshold = (0u - n) % n;
      while (static_cast<std::uint32_t>(product) < threshold) product = std::uint64_t{bits()} * n;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

  /// The same for numbers that 32 bits do not hold; below 2^32 it draws as `below` does. Beyond, as many bits as n - 1
  /// has are drawn until they are below n: less than twice on average.
  constexpr std::uint64_t below64(std::uint64_t n) {
    if (n <= 0xffffffffu) return below(static_cast<std::uint32_t>(n));
    const std::uint64_t mask = ~std::uint64_t{0} >> std::countl_zero(n - 1);
    while (true) {
      const std::uint64_t high = bits(), drawn = (high << 32 | bits()) & mask;
      if (drawn < n) return drawn;
    }
  }

  /// Uniform in {low, …, high}.
  constexpr int between(int low, int high) {
    return low + static_cast<int>(below(static_cast<std::uint32_t>(high - low) + 1u));
  }

  /// True with probability p.
  constexpr bool chance(float p) { return uniform() < p; }

  /// Standard normal (Box–Muller, the cosine half), of two draws.
  float normal() {
    const float u = 1.0f - uniform(), v = uniform();
    return std::sqrt(-2.0f * std::log(u)) * std::cos(2.0f * std::numbers::pi_v<float> * v);
  }

  /// A uniformly chosen element of a non-empty random-access range.
  template <class Range>
  constexpr decltype(auto) pick(Range&& range) {
    return range[below64(range.size())];
  }

  /// Fisher–Yates.
  template <class Range>
  constexpr void shuffle(Range&& range) {
    for (std::uint64_t i = range.size(); i > 1; --i) std::swap(range[i - 1], range[below64(i)]);
  }

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  std::uint32_t used_ = 4;
};

}  // namespace longsky
