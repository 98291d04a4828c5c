// longsky/nn/mirror.hpp — numbers that the host keeps in float and a device in its own memory and element type.
//
// Where a device works in the host's memory and in float, both are the same numbers and nothing is ever copied.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>

namespace longsky {

/// The device's side of the host's `numbers`. A view of the host's side; owns the device's.
template <class Device, class T>
class Mirror {
 public:
  static constexpr bool shared = Device::shares_host_memory && std::is_same_v<T, float>;

  Mirror(Device& device, std::span<float> numbers) : device_(device), host_(numbers) {
    if constexpr (!shared) copy_ = typename Device::template Array<T>(numbers.size());
    send();
  }

  std::span<float> host() const { return host_; }
  std::span<T> span() const {
    if constexpr (shared)
      return host_;
    else
      return copy_.span();
  }

  /// The host's numbers become the device's, rounded to T.
  void send() {
    if constexpr (!shared) device_.upload_as(copy_.data(), host_.data(), static_cast<std::int64_t>(host_.size()));
  }
  /// The device's numbers become the host's.
  void fetch() {
    if constexpr (!shared) device_.download_as(host_.data(), copy_.data(), static_cast<std::int64_t>(host_.size()));
  }

 private:
  struct Nothing {};
  Device& device_;
  std::span<float> host_;
  std::conditional_t<shared, Nothing, typename Device::template Array<T>> copy_;
};

}  // namespace longsky
