// support/device_array.hpp — arrays of a test on the device under test, and devices that must agree to the bit.
#pragma once

#include "support/catch.hpp"
#include "support/close.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace longsky::test {

/// Elements of T on a device between two guard zones, which are looked at when the elements are read. It begins on a
/// multiple of 16 bytes and of no more: ops may not ask for more than that.
template <class T, class Device>
class DeviceArray {
 public:
  /// Room for results: not numbers, or integers that no op computes.
  DeviceArray(Device& device, std::int64_t size) : DeviceArray(device, size, nullptr) {}
  /// `values`, rounded to T.
  template <class From>
  DeviceArray(Device& device, const std::vector<From>& values)
      : DeviceArray(device, static_cast<std::int64_t>(values.size()),
                    std::vector<T>(values.begin(), values.end()).data()) {}

  T* data() { return memory_.data() + zone; }
  operator T*() { return data(); }
  std::span<T> span() { return {data(), static_cast<std::size_t>(size_)}; }

  std::vector<T> values() {
    std::vector<T> all(static_cast<std::size_t>(size_ + 2 * zone));
    device_.download(all.data(), memory_.data(), size_ + 2 * zone);
    const std::vector<T> untouched = guards();
    const bool intact = std::memcmp(all.data(), untouched.data(), zone * sizeof(T)) == 0 &&
                        std::memcmp(all.data() + zone + size_, untouched.data(), zone * sizeof(T)) == 0;
    INFO("something was written before or behind an array of " << size_);
    CHECK(intact);
    return {all.begin() + zone, all.end() - zone};
  }
  std::vector<float> floats() {
    std::vector<float> numbers;
    for (const T x : values()) numbers.push_back(static_cast<float>(x));
    return numbers;
  }

 private:
  static constexpr std::int64_t zone = 17 * 16 / std::gcd(16, sizeof(T));  // an odd number of 16 bytes
  static std::vector<T> guards() {
    std::vector<T> bytes(zone);
    std::memset(static_cast<void*>(bytes.data()), 0xa5, zone * sizeof(T));
    return bytes;
  }

  DeviceArray(Device& device, std::int64_t size, const T* values)
      : device_(device), size_(size), memory_(size + 2 * zone) {
    std::vector<T> all(static_cast<std::size_t>(size));
    if (values)
      all.assign(values, values + size);
    else if (size > 0)
      std::memset(static_cast<void*>(all.data()), std::is_integral_v<T> ? 0x5a : 0xff, all.size() * sizeof(T));
    const std::vector<T> around = guards();
    all.insert(all.begin(), around.begin(), around.end());
    all.insert(all.end(), around.begin(), around.end());
    device_.upload(memory_.data(), all.data(), size + 2 * zone);
  }

  Device& device_;
  std::int64_t size_;
  typename Device::template Array<T> memory_;
};

/// `values` on a device, rounded to T.
template <class T, class Device, class From>
DeviceArray<T, Device> put(Device& device, const std::vector<From>& values) {
  return {device, values};
}
/// Room for `size` results.
template <class T, class Device>
DeviceArray<T, Device> room(Device& device, std::int64_t size) {
  return {device, size};
}

/// Specialised for each kind of device: `each(f)` calls f with devices on which all ops must compute the same bits.
template <class Device>
struct Alike;

/// What compute(device) gives, an array of vectors: the same bits on all devices that are alike.
template <class Device, class Compute>
auto alike(const Compute& compute) {
  using Results = decltype(compute(std::declval<Device&>()));
  Results first{};
  bool have = false;
  Alike<Device>::each([&](Device& device) {
    Results results = compute(device);
    if (have)
      for (std::size_t i = 0; i < results.size(); ++i) {
        INFO("result " << i << " on " << device.description());
        CHECK(same_bits(first[i], results[i]));
      }
    else
      first = std::move(results), have = true;
  });
  return first;
}

/// The values that a vector has after a trip through T.
template <class T>
std::vector<float> stored_as(std::vector<float> values) {
  for (float& x : values) x = static_cast<float>(static_cast<T>(x));
  return values;
}

/// The relative error of one rounding to T.
template <class T>
inline constexpr double rounding = sizeof(T) == 4 ? 6e-8 : 4e-3;

/// Integers in [0, below), the same for the same name.
inline std::vector<std::int32_t> random_integers(std::int64_t size, int below, std::string_view name) {
  Random random(3, stream_of(name), 0);
  std::vector<std::int32_t> values;
  for (std::int64_t i = 0; i < size; ++i)
    values.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(below))));
  return values;
}

}  // namespace longsky::test
