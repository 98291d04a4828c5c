// longsky/train/plan.hpp — the memory of a stage, row by row, before anything is allocated.
//
// The rows are what a Trainer and its weights own, and what the ops of a device use besides; their sizes are constexpr.
// A device with memory of its own leaves some of it to the host, in rows apart: the two are never added up.
// Not in them: the rounding of large buffers to huge pages, and the few megabytes through which numbers change type.
#pragma once

#include <longsky/nn/decoder.hpp>
#include <longsky/spec/cost.hpp>
#include <longsky/spec/pass.hpp>
#include <longsky/train/recipe.hpp>
#include <longsky/train/step_state.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace longsky {

inline namespace literals {
constexpr std::int64_t operator""_KiB(unsigned long long n) { return static_cast<std::int64_t>(n) << 10; }
constexpr std::int64_t operator""_MiB(unsigned long long n) { return static_cast<std::int64_t>(n) << 20; }
constexpr std::int64_t operator""_GiB(unsigned long long n) { return static_cast<std::int64_t>(n) << 30; }
}  // namespace literals

/// One array, or one kind of array, and its size.
struct MemoryRow {
  std::string_view what;
  std::int64_t bytes = 0;
};

/// The memory of one stage: the device's, and what the host holds besides, which is nothing where they share memory.
struct MemoryPlan {
  std::array<MemoryRow, 8> rows;
  std::array<MemoryRow, 4> host_rows;
  constexpr std::int64_t total() const { return sum(rows); }
  constexpr std::int64_t host_total() const { return sum(host_rows); }

 private:
  static constexpr std::int64_t sum(std::span<const MemoryRow> rows) {
    std::int64_t bytes = 0;
    for (const MemoryRow& row : rows) bytes += row.bytes;
    return bytes;
  }
};

/// Scratch memory of a device's ops.
template <class Device, class Network>
constexpr std::int64_t workspace_bytes(const StepShape& shape) {
  if constexpr (std::is_void_v<Device>)
    return 0;
  else
    return Device::template workspace_bytes<Network>(shape);
}

/// What lies in the device's memory of batches of `tokens` tokens: tokens, targets, documents and positions of the two
/// that a thread fills in turn, or of the one that was sent; and what attention knows of it, once for all layers.
template <class Device>
constexpr std::int64_t batch_bytes(std::int64_t tokens) {
  constexpr std::int64_t number = sizeof(std::int32_t);
  if constexpr (std::is_void_v<Device>)
    return 2 * 4 * tokens * number;
  else
    return ((Device::shares_host_memory ? 2 : 1) * 4 * tokens + Device::attention_bounds_size(tokens)) * number;
}

/// Whether what a device works on lies in its own memory, so that the host has its side of it besides.
template <class Device>
constexpr bool has_own_memory() {
  if constexpr (std::is_void_v<Device>)
    return false;
  else
    return !Device::shares_host_memory;
}

/// What the host holds besides: its side of weights and moments, float whatever the device's type, which checkpoints
/// and the next stage read; the two batches that a thread fills in turn; and, pinned, the two that are on their way to
/// the device and the state of a step on its way back.
constexpr std::array<MemoryRow, 4> host_rows(bool own_memory, std::int64_t weights, std::int64_t tokens) {
  constexpr std::int64_t number = sizeof(std::int32_t), state = sizeof(StepState);
  const std::int64_t batches = 2 * 4 * tokens * number;
  std::array<MemoryRow, 4> rows{{{"weights", weights * 4},
                                 {"AdamW moments", 2 * weights * 4},
                                 {"batches", batches},
                                 {"pinned for transfers", batches + state}}};
  if (!own_memory)
    for (MemoryRow& row : rows) row.bytes = 0;
  return rows;
}

/// The exact sizes of what a Trainer of this stage owns on `Device`, of the weights, and of the ops' workspace if every
/// token is trained and the device has `threads` threads. void: a device that stores everything in float, without its
/// workspace.
template <Recipe R, Stage S, class Device = void>
constexpr MemoryPlan plan(int threads = 1) {
  using Precision = typename R::Precision;
  using Element = ElementOf<Device, Precision>;
  using Network = NetOf<R, typename S::Mask, Element>;
  constexpr StageSpec s = checked(S::spec, R::model);
  constexpr std::int64_t weights = LayoutOf<R>::size, element = sizeof(Element);
  constexpr std::int64_t master = Precision::keeps_master ? 4 : element;
  return {{{{"weights", weights * (master == element ? element : master + element)},
            {"gradients", weights * 4},
            {"AdamW moments", 2 * weights * master},
            {"activations", decoder_arena_size<Network>(s.tokens_per_pass()) * element},
            {"rotary table", std::int64_t{s.position_count()} * R::model.head_dim() * 4},
            {"workspace", workspace_bytes<Device, Network>({s.sequences, s.context, weights, threads})},
            {"step state", (static_cast<std::int64_t>(sizeof(StepState)) + 63) / 64 * 64},
            {"batches", batch_bytes<Device>(s.tokens_per_pass())}}},
          host_rows(has_own_memory<Device>(), weights, s.tokens_per_pass())};
}

/// The most that any stage of the recipe needs of the device's memory.
template <Recipe R, class Device = void>
constexpr std::int64_t largest_plan(int threads = 1) {
  return [threads]<class... S>(StageList<S...>) {
    return std::max({plan<R, S, Device>(threads).total()...});
  }(typename R::Stages{});
}

/// The most that any stage of the recipe needs of the host's memory besides; 0 where the device shares it.
template <Recipe R, class Device = void>
constexpr std::int64_t largest_host_plan() {
  return []<class... S>(StageList<S...>) {
    return std::max({plan<R, S, Device>().host_total()...});
  }(typename R::Stages{});
}

/// `static_assert(fits<MyRecipe, cuda::Device>(80_GiB))`
template <Recipe R, class Device = void>
constexpr bool fits(std::int64_t bytes, int threads = 1) {
  return largest_plan<R, Device>(threads) <= bytes;
}

/// Floating-point operations of one optimizer step if every token is trained.
template <Recipe R, Stage S>
constexpr Flops step_flops() {
  constexpr double sequences = static_cast<double>(S::spec.sequences) * S::spec.accumulation;
  return training_flops(R::model, sequences, S::spec.context, sequences * S::spec.context);
}

}  // namespace longsky
