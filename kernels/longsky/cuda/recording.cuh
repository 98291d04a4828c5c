// longsky/cuda/recording.cuh — work that is the same in every step, recorded once as a CUDA graph and then replayed.
//
// A step of a network is hundreds of launches, each of which costs the host microseconds; a graph is one. A graph holds
// shapes and addresses, so there is one for each WorkKey. The emulation has a twin of this file, which runs the work
// each time and throws where that is not what was recorded.
#pragma once

#include <longsky/cuda/device.cuh>
#include <longsky/spec/pass.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace longsky::cuda {

/// A recorded step as CUDA has it.
class Graph {
 public:
  Graph() = default;
  Graph(Graph&& other) noexcept : graph_(std::exchange(other.graph_, nullptr)) {}
  Graph& operator=(Graph&& other) noexcept {
    std::swap(graph_, other.graph_);
    return *this;
  }
  ~Graph() {
    if (graph_) cudaGraphExecDestroy(graph_);
  }
  explicit operator bool() const { return graph_ != nullptr; }

  /// What `work` queues, recorded and not run.
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
  void launch(Device& device) { check(cudaGraphLaunch(graph_, device.stream()), "launch a recorded step"); }

 private:
  cudaGraphExec_t graph_ = nullptr;
};

/// Replays what it has recorded for as long as that is good. What changes between calls of one key must lie in device
/// memory.
class Recording {
 public:
  static constexpr std::size_t most = 16;  ///< recordings kept; the one that was used longest ago goes first

  Recording() = default;
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  /// Queues `work`: the first time for a key by calling it (scratch memory grows, libraries load), then by recording
  /// and replaying.
  template <class Work>
  void run(Device& device, const WorkKey& key, const Work& work) {
    if (device.synchronous()) {  // nothing can be waited for while it is recorded
      work();
      return;
    }
    if (seen_growths_ != device.growths()) kept_.clear();  // their addresses are no longer good
    const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.key == key; });
    if (found == kept_.end()) {
      work();
      if (seen_growths_ != device.growths()) kept_.clear();
      seen_growths_ = device.growths();
      if (kept_.size() == most) kept_.erase(kept_.begin());
      kept_.push_back({key, {}});
      return;
    }
    std::rotate(found, found + 1, kept_.end());
    Graph& graph = kept_.back().graph;
    if (!graph) graph.record(device, work);
    graph.launch(device);
  }

 private:
  struct Kept {
    WorkKey key;
    Graph graph;
  };
  std::vector<Kept> kept_;  // the one used last at the end
  int seen_growths_ = -1;
};

}  // namespace longsky::cuda
