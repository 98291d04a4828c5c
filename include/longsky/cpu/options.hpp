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
      {"threads", "Device", "threads; 0: all processors it may run on. The result has the same bits for any number"}};
};

inline Device::Device(const DeviceOptions& options) {
  constexpr int most = 1024;
  if (options.threads < 0 || options.threads > most)
    throw Error(ExitCode::usage, "--threads was given " + std::to_string(options.threads) +
                                     ", expected a number that is not negative and at most " + std::to_string(most));
  if (options.threads > 0) threads_ = options.threads;
}

}  // namespace longsky::cpu

BOOST_HANA_ADAPT_STRUCT(longsky::cpu::DeviceOptions, threads);
