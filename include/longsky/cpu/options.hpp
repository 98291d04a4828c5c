// longsky/cpu/options.hpp — what a program may be told of the CPU it runs on.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/options.hpp>
#include <longsky/cpu/device.hpp>

namespace longsky::cpu {

struct DeviceOptions {
  int threads = 0;

  /// The threads of a device with these options.
  int workers() const { return Device(*this).threads(); }

  static constexpr OptionText texts[] = {
      {"threads", "Device", "threads; 0: all cores. The result has the same bits for any number"}};
};

inline Device::Device(const DeviceOptions& options) {
  if (options.threads < 0)
    throw Error(ExitCode::usage,
                "--threads was given " + std::to_string(options.threads) + ", expected a number that is not negative");
  if (options.threads > 0) threads_ = options.threads;
}

}  // namespace longsky::cpu

BOOST_HANA_ADAPT_STRUCT(longsky::cpu::DeviceOptions, threads);
