// The emulation's twin of longsky/cuda/recording.cuh: what is recorded is run each time, and must be the same each
// time.
//
// While it records for the first time, the emulated runtime refuses what CUDA refuses then.
#pragma once

#include <emulation/capture.hpp>

#include <longsky/cuda/device.cuh>
#include <longsky/spec/pass.hpp>

#include <optional>
#include <utility>
#include <vector>

namespace longsky::cuda {

class Recording {
 public:
  template <class Work>
  void run(Device& device, const WorkKey& key, const Work& work) {
    if (device.synchronous()) {
      work();
      return;
    }
    if (seen_growths_ != device.growths()) kept_.clear();
    for (auto& [known, recorded] : kept_) {
      if (known != key) continue;
      const bool first = !recorded;
      emulation::Capture capture(/*forbids=*/first);
      work();
      if (first)
        recorded = capture.commands();
      else
        emulation::demand_same(*recorded, capture.commands());
      return;
    }
    work();
    if (seen_growths_ != device.growths()) kept_.clear();
    seen_growths_ = device.growths();
    kept_.emplace_back(key, std::nullopt);
  }

 private:
  std::vector<std::pair<WorkKey, std::optional<std::vector<emulation::Command>>>> kept_;
  int seen_growths_ = -1;
};

}  // namespace longsky::cuda
