// bench/cuda/ceilings.cuh — what a GPU can do: the rate of a large bfloat16 product by cuBLASLt, and of a large copy.
#pragma once

#include "data.cuh"

#include <longsky/core/half.hpp>
#include <longsky/cuda/device.cuh>

#include <cublasLt.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace longsky::bench {

/// Seconds from the start to the end, on the GPU, of what `queue()` queues.
template <class Queue>
double seconds_of(cuda::Device& device, const Queue& queue) {
  struct Event {
    cudaEvent_t event = nullptr;
    Event() { cuda::check(cudaEventCreate(&event), "create an event"); }
    Event(const Event&) = delete;
    ~Event() { cudaEventDestroy(event); }
    void record(cudaStream_t stream) { cuda::check(cudaEventRecord(event, stream), "record an event"); }
  };
  static Event begin, end;
  begin.record(device.stream());
  queue();
  end.record(device.stream());
  cuda::check(cudaEventSynchronize(end.event), "finish a benchmark");
  float milliseconds = 0;
  cuda::check(cudaEventElapsedTime(&milliseconds, begin.event, end.event), "read a time");
  return 1e-3 * double{milliseconds};
}

/// The median time of ten runs.
template <class Queue>
double median_seconds(cuda::Device& device, const Queue& queue) {
  std::array<double, 10> times;
  for (double& time : times) time = seconds_of(device, queue);
  std::ranges::sort(times);
  return times[times.size() / 2];
}

template <bool OfProducts>
class Ceiling;

/// C = A^T B of 8192 x 8192 bfloat16, sums in float, by whichever of cuBLASLt's own proposals is the fastest.
template <>
class Ceiling<true> {
 public:
  explicit Ceiling(cuda::Device& device) : device_(device) {
    check(cublasLtCreate(&handle_), "start");
    check(cublasLtMatmulDescCreate(&product_, CUBLAS_COMPUTE_32F, CUDA_R_32F), "describe a product");
    const cublasOperation_t turned = CUBLAS_OP_T;
    check(cublasLtMatmulDescSetAttribute(product_, CUBLASLT_MATMUL_DESC_TRANSA, &turned, sizeof turned), "turn A");
    check(cublasLtMatrixLayoutCreate(&layout_, CUDA_R_16BF, n, n, n), "describe a matrix");
    cublasLtMatmulPreference_t preference;
    check(cublasLtMatmulPreferenceCreate(&preference), "take a preference");
    const std::size_t bytes = static_cast<std::size_t>(workspace_.size());
    check(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes,
                                               sizeof bytes),
          "take a workspace");
    std::array<cublasLtMatmulHeuristicResult_t, 8> proposals;
    int count = 0;
    check(cublasLtMatmulAlgoGetHeuristic(handle_, product_, layout_, layout_, layout_, layout_, preference,
                                         static_cast<int>(proposals.size()), proposals.data(), &count),
          "propose an algorithm");
    cublasLtMatmulPreferenceDestroy(preference);
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < count; ++i) {
      multiply(proposals[static_cast<std::size_t>(i)].algo);
      const double seconds = median_seconds(device_, [&] { multiply(proposals[static_cast<std::size_t>(i)].algo); });
      if (seconds < least) least = seconds, best_ = proposals[static_cast<std::size_t>(i)].algo;
    }
    if (count == 0) throw std::runtime_error("cuBLASLt proposes no algorithm for a bfloat16 product on this GPU");
  }
  Ceiling(const Ceiling&) = delete;
  ~Ceiling() {
    cublasLtMatrixLayoutDestroy(layout_);
    cublasLtMatmulDescDestroy(product_);
    cublasLtDestroy(handle_);
  }

  /// FLOP/s now.
  double rate() {
    return 2.0 * n * n * n / median_seconds(device_, [&] { multiply(best_); });
  }

 private:
  static constexpr std::uint64_t n = 8192;

  static void check(cublasStatus_t status, const char* asked) {
    if (status != CUBLAS_STATUS_SUCCESS)
      throw std::runtime_error(std::string("cuBLASLt could not ") + asked + ": " + cublasLtGetStatusString(status));
  }
  void multiply(const cublasLtMatmulAlgo_t& algorithm) {
    const float one = 1, zero = 0;
    check(cublasLtMatmul(handle_, product_, &one, a_.data(), layout_, b_.data(), layout_, &zero, c_.data(), layout_,
                         c_.data(), layout_, &algorithm, workspace_.data(), static_cast<std::size_t>(workspace_.size()),
                         device_.stream()),
          "multiply");
  }

  cuda::Device& device_;
  cuda::Memory<bf16> a_ = filled<bf16>(n * n, 1), b_ = filled<bf16>(n * n, 2), c_{n * n};
  cuda::Memory<std::byte> workspace_{std::int64_t{64} << 20};
  cublasLtHandle_t handle_ = nullptr;
  cublasLtMatmulDesc_t product_ = nullptr;
  cublasLtMatrixLayout_t layout_ = nullptr;
  cublasLtMatmulAlgo_t best_{};
};

/// A copy of 1 GiB inside the GPU's memory.
template <>
class Ceiling<false> {
 public:
  explicit Ceiling(cuda::Device& device) : device_(device) { copy(); }

  /// Bytes a second now, read and written.
  double rate() {
    return 2.0 * size / median_seconds(device_, [&] { copy(); });
  }

 private:
  static constexpr std::int64_t size = std::int64_t{1} << 30;
  void copy() {
    cuda::check(cudaMemcpyAsync(to_.data(), from_.data(), size, cudaMemcpyDeviceToDevice, device_.stream()), "copy");
  }

  cuda::Device& device_;
  cuda::Memory<float> from_ = filled<float>(size / 4, 3), to_{size / 4};
};

}  // namespace longsky::bench
