// longsky/cpu/device.hpp — where CPU ops run: a number of threads, and scratch memory that grows once and then stays.
#pragma once

#include <longsky/core/buffer.hpp>
#include <longsky/core/machine.hpp>
#include <longsky/spec/pass.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace longsky::cpu {

/// The uses of scratch memory; two that are alive at the same time have different names.
enum class Scratch { packed_b, packed_a, attention, reduction, logits, gathered, count };

/// How much an op takes of each use of scratch memory, or ops that follow each other.
struct ScratchPlan {
  std::array<std::int64_t, static_cast<std::size_t>(Scratch::count)> floats{};

  constexpr std::int64_t& operator[](Scratch use) { return floats[static_cast<std::size_t>(use)]; }
  constexpr std::int64_t operator[](Scratch use) const { return floats[static_cast<std::size_t>(use)]; }
  constexpr ScratchPlan& follow(const ScratchPlan& other) {
    for (std::size_t i = 0; i < floats.size(); ++i) floats[i] = std::max(floats[i], other.floats[i]);
    return *this;
  }
  constexpr std::int64_t bytes() const {
    std::int64_t sum = 0;
    for (const std::int64_t n : floats) sum += n * static_cast<std::int64_t>(sizeof(float));
    return sum;
  }
};

class Device;
struct DeviceOptions;

/// Brings passes to the device: here they are there already.
struct Staging {
  Staging(Device&, std::int64_t /*capacity*/) {}
  static const Pass& put(const Pass& pass) { return pass; }
};

/// Brings a value back from the device: here it is there already.
template <class T>
class Readback {
 public:
  explicit Readback(Device&) {}
  void begin(const T* from) { value_ = *from; }
  const T& take() const { return value_; }

 private:
  T value_{};
};

/// Runs what is the same in every step; a GPU records it once and replays it.
struct Recording {
  template <class Work>
  void run(Device&, const WorkKey&, const Work& work) {
    work();
  }
};

/// The argument by which ops are found (`rmsnorm_forward(device, …)` is `longsky::cpu::rmsnorm_forward`).
class Device {
 public:
  template <class Precision>
  using Element = float;  ///< what weights and activations are stored in
  template <class T>
  using Array = Buffer<T>;  ///< memory that ops work on
  using Staging = cpu::Staging;
  using Recording = cpu::Recording;
  template <class T>
  using Readback = cpu::Readback<T>;
  static constexpr bool shares_host_memory = true;

  using Options = DeviceOptions;  // cpu/options.hpp

  Device() = default;
  explicit Device(int threads) : threads_(std::max(1, threads)) {}
  explicit Device(const DeviceOptions& options);

  /// Scratch memory of the ops of a training step (workspace.hpp).
  template <class Net>
  static constexpr std::int64_t workspace_bytes(const StepShape& shape);
  /// What they have been given so far.
  std::int64_t scratch_bytes() const {
    std::int64_t sum = 0;
    for (const Buffer<float>& buffer : scratch_) sum += static_cast<std::int64_t>(buffer.span().size_bytes());
    return sum;
  }

  int threads() const { return threads_; }
  /// An op is done when it returns.
  static constexpr bool runs_ahead() { return false; }
  std::string description() const { return std::to_string(threads_) + (threads_ == 1 ? " thread" : " threads"); }

  /// What this process may still take.
  static std::int64_t memory_bytes() { return memory_given().bytes; }

  /// Elements that attention_bounds writes for `tokens` tokens.
  static constexpr std::int64_t attention_bounds_size(std::int64_t /*tokens*/) { return 0; }

  /// Copies between the host's memory and the device's, which here is the host's.
  template <class T>
  static void upload(T* to, const T* from, std::int64_t size) {
    std::copy_n(from, size, to);
  }
  template <class T>
  static void download(T* to, const T* from, std::int64_t size) {
    std::copy_n(from, size, to);
  }

  /// At least `floats` floats on a 64-byte boundary, contents undefined. Grows on first use; a steady run never
  /// allocates.
  float* scratch(Scratch use, std::int64_t floats) {
    Buffer<float>& buffer = scratch_[static_cast<std::size_t>(use)];
    if (buffer.size() < static_cast<std::size_t>(floats)) buffer = Buffer<float>(static_cast<std::size_t>(floats));
    return buffer.data();
  }

 private:
  int threads_ = processors_given();
  std::array<Buffer<float>, static_cast<std::size_t>(Scratch::count)> scratch_;
};

}  // namespace longsky::cpu
