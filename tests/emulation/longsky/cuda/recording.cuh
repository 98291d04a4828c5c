// The emulation's twin of longsky/cuda/recording.cuh: what is recorded is run each time.
#pragma once

#include <longsky/cuda/device.cuh>

namespace longsky::cuda {

class Recording {
 public:
  template <class Work>
  void run(Device&, const Work& work) {
    work();
  }
};

}  // namespace longsky::cuda
