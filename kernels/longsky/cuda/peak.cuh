// longsky/cuda/peak.cuh — what this GPU can do: the rate of one large product of matrices, and of a large copy.
//
// They are the ceilings of all that a network does; a data sheet's figures are never reached. A rate is the median of
// ten runs just now, since clocks change with what a GPU has done before: a benchmark asks for one beside each op. The
// emulation has a twin of this file.
#pragma once

#include <longsky/core/random.hpp>
#include <longsky/cuda/elementwise.cuh>
#include <longsky/cuda/linear.cuh>

#include <algorithm>
#include <array>
#include <cstdint>

namespace longsky::cuda {

namespace kernel {

template <class T>
struct RandomNumbers {
  T* to;
  std::uint32_t stream;
  __device__ void operator()(std::int64_t i) const {
    const std::uint32_t bits =
        philox({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32), stream, 0}, {1, 0})[0];
    to[i] = static_cast<T>(static_cast<float>(bits >> 8) * 0x1p-23f - 1.0f);
  }
};

}  // namespace kernel

/// `size` numbers, uniform in [-1, 1); another `stream`, other numbers. With zeros a GPU draws less power and its clock
/// is higher.
template <class T>
Memory<T> random_numbers(Device& device, std::int64_t size, std::uint32_t stream) {
  Memory<T> memory(size);
  for_each(device, size, kernel::RandomNumbers<T>{memory.data(), stream});
  return memory;
}

/// Seconds from the start to the end, on the GPU, of what `queue()` queues.
template <class Queue>
double seconds_of(Device& device, const Queue& queue) {
  struct Event {
    cudaEvent_t event = nullptr;
    Event() { check(cudaEventCreate(&event), "create an event"); }
    Event(const Event&) = delete;
    ~Event() { cudaEventDestroy(event); }
    void record(cudaStream_t stream) { check(cudaEventRecord(event, stream), "record an event"); }
  } begin, end;
  begin.record(device.stream());
  queue();
  end.record(device.stream());
  check(cudaEventSynchronize(end.event), "finish what is timed");
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin.event, end.event), "read a time");
  return 1e-3 * double{milliseconds};
}

/// The median time of ten runs.
template <class Queue>
double median_seconds(Device& device, const Queue& queue) {
  std::array<double, 10> times;
  for (double& time : times) time = seconds_of(device, queue);
  std::ranges::sort(times);
  return times[times.size() / 2];
}

/// A product of 8,192 x 8,192 matrices in the elements of `Precision`, as a linear layer has it.
template <class Precision>
class ProductRate {
 public:
  explicit ProductRate(Device& device)
      : x_(random_numbers<T>(device, size, 1)), w_(random_numbers<T>(device, size, 2)), y_(size) {
    multiply(device);  // cuBLASLt chooses its kernel and loads it
  }
  /// FLOP/s now.
  double operator()(Device& device) {
    return 2.0 * N * static_cast<double>(size) / median_seconds(device, [&] { multiply(device); });
  }

 private:
  static constexpr int N = 8192;
  static constexpr std::int64_t size = std::int64_t{N} * N;
  using T = Device::Element<Precision>;
  void multiply(Device& device) {
    linear_forward<Precision, N, N>(device, Rows<T, N>{y_.data(), N}, Rows<T, N>{x_.data(), N}, w_.data(), nullptr,
                                    nullptr);
  }
  Memory<T> x_, w_, y_;
};

/// A copy of 1 GiB inside the GPU's memory.
class CopyRate {
 public:
  explicit CopyRate(Device& device) : from_(random_numbers<float>(device, floats, 3)), to_(floats) { copy(device); }
  /// Bytes a second now, read and written.
  double operator()(Device& device) {
    return 2.0 * bytes / median_seconds(device, [&] { copy(device); });
  }

 private:
  static constexpr std::int64_t floats = std::int64_t{1} << 28, bytes = 4 * floats;
  void copy(Device& device) {
    check(cudaMemcpyAsync(to_.data(), from_.data(), bytes, cudaMemcpyDeviceToDevice, device.stream()), "copy");
  }
  Memory<float> from_, to_;
};

/// The peak that a program's fractions are of: the best of three rates, since other programs only ever lower one.
template <class Precision>
double peak_flops(Device& device) {
  ProductRate<Precision> rate(device);
  double best = 0;
  for (int round = 0; round < 3; ++round) best = std::max(best, rate(device));
  return best;
}

}  // namespace longsky::cuda
