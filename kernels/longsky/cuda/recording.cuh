// longsky/cuda/recording.cuh — work that is the same in every step, recorded once as a CUDA graph and then replayed.
//
// A step of a network is hundreds of launches, each of which costs the host microseconds; a graph is one. The emulation
// has a twin of this file, which runs the work each time.
#pragma once

#include <longsky/cuda/device.cuh>

namespace longsky::cuda {

/// Replays what it has recorded for as long as that is good. All that changes between calls must lie in device memory.
class Recording {
 public:
  Recording() = default;
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording() { forget(); }

  /// Queues `work`: the first time by calling it (scratch memory grows, libraries load), then by recording and
  /// replaying.
  template <class Work>
  void run(Device& device, const Work& work) {
    if (device.synchronous()) {  // nothing can be waited for while it is recorded
      work();
      return;
    }
    if (seen_growths_ != device.growths()) {
      forget();
      work();
      seen_growths_ = device.growths();
      return;
    }
    if (!graph_) record(device, work);
    check(cudaGraphLaunch(graph_, device.stream()), "launch a recorded step");
  }

 private:
  template <class Work>
  void record(Device& device, const Work& work) {
    cudaGraph_t recorded = nullptr;
    check(cudaStreamBeginCapture(device.stream(), cudaStreamCaptureModeThreadLocal), "begin to record a step");
    try {
      work();
    } catch (...) {
      cudaStreamEndCapture(device.stream(), &recorded);
      if (recorded) cudaGraphDestroy(recorded);
      throw;
    }
    check(cudaStreamEndCapture(device.stream(), &recorded), "record a step");
    const cudaError_t status = cudaGraphInstantiate(&graph_, recorded, 0);
    cudaGraphDestroy(recorded);
    check(status, "prepare a recorded step");
  }
  void forget() {
    if (graph_) cudaGraphExecDestroy(graph_);
    graph_ = nullptr;
  }

  cudaGraphExec_t graph_ = nullptr;
  int seen_growths_ = -1;
};

}  // namespace longsky::cuda
