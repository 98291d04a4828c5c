// longsky/spec/pass.hpp — what one pass through a network needs besides weights: tokens, places, rotary table.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace longsky {

/// B sequences of T tokens on one flat axis of N = B * T rows. A view: it owns nothing.
struct Pass {
  std::span<const std::int32_t> tokens;            // [N]
  std::span<const std::int32_t> targets;           // [N], -1 where nothing is trained
  std::span<const std::int32_t> documents;         // [N], never decreasing within a sequence
  std::span<const std::int32_t> positions;         // [N]
  int context = 0;                                 // T
  const float* rope_table = nullptr;               // [positions, head_dim]: cosines, then sines
  const std::int32_t* attention_bounds = nullptr;  // what all layers know of their mask; nullptr: nothing

  std::int64_t count() const { return static_cast<std::int64_t>(tokens.size()); }
  std::int64_t sequences() const { return count() / context; }
};

/// What work that a device records and replays (Device::Recording) has in it besides what lies in the device's memory:
/// two that are alike may replay one recording.
struct WorkKey {
  std::array<std::uint64_t, 6> parts{};
  friend bool operator==(const WorkKey&, const WorkKey&) = default;
};

/// The shape of a pass and where its arrays lie.
inline WorkKey key_of(const Pass& pass) {
  const auto place = [](const std::int32_t* data) { return std::uint64_t{reinterpret_cast<std::uintptr_t>(data)}; };
  return {{static_cast<std::uint64_t>(pass.count()), static_cast<std::uint64_t>(pass.context),
           place(pass.tokens.data()), place(pass.targets.data()), place(pass.documents.data()),
           place(pass.positions.data())}};
}

/// What the memory of a step's ops depends on besides the network.
struct StepShape {
  std::int64_t sequences;  ///< of a pass
  std::int64_t context;    ///< tokens of a sequence
  std::int64_t weights;    ///< padding included
  int threads = 1;         ///< where a device has some
  constexpr std::int64_t tokens() const { return sequences * context; }
};

/// Tables of activations are laid out for whole groups of 16 tokens, so that every row of them is aligned.
constexpr std::int64_t padded_tokens(std::int64_t tokens) { return (tokens + 15) / 16 * 16; }

}  // namespace longsky
