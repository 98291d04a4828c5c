// longsky/cpu/device.hpp — where CPU ops run: a number of threads, and scratch memory that grows once and then stays.
#pragma once

#include <longsky/core/buffer.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <thread>

namespace longsky::cpu {

/// The uses of scratch memory; two that are alive at the same time have different names.
enum class Scratch { packed_b, packed_a, attention, reduction, logits, gathered, count };

/// The argument by which ops are found (`rmsnorm_forward(device, …)` is `longsky::cpu::rmsnorm_forward`).
class Device {
 public:
  explicit Device(int threads = static_cast<int>(std::thread::hardware_concurrency()))
      : threads_(std::max(1, threads)) {}

  int threads() const { return threads_; }

  /// At least `floats` floats on a 64-byte boundary, contents undefined. Grows on first use; a steady run never allocates.
  float* scratch(Scratch use, std::int64_t floats) {
    Buffer<float>& buffer = scratch_[static_cast<std::size_t>(use)];
    if (buffer.size() < static_cast<std::size_t>(floats)) buffer = Buffer<float>(static_cast<std::size_t>(floats));
    return buffer.data();
  }

 private:
  int threads_;
  std::array<Buffer<float>, static_cast<std::size_t>(Scratch::count)> scratch_;
};

}  // namespace longsky::cpu
