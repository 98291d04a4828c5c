// cuda/gpu/repeat.cuh — one op run again and again on the same numbers: do its outputs have the same bits each time,
// and is every element of them written?
//
// Before each run outputs are put back to what they were: all bits set where the op must write each element, the same
// numbers where it adds to them. Bits are compared on the GPU, so that gigabytes of them cost milliseconds.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/core/random.hpp>
#include <longsky/cuda/attention_atomic.cuh>
#include <longsky/cuda/elementwise.cuh>
#include <longsky/cuda/fill_zero.cuh>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace longsky::test {

/// Item i writes number i, uniform in [low, 1).
template <class T>
struct UniformNumbers {
  T* to;
  std::uint32_t stream;
  float low;
  __device__ void operator()(std::int64_t i) const {
    const std::uint32_t bits =
        philox({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32), stream, 0}, {2, 0})[0];
    to[i] = static_cast<T>(low + (1.0f - low) * (static_cast<float>(bits >> 8) * 0x1p-24f));
  }
};

/// Item i adds to counts[i] the words i, i + lanes, ... of `a` that differ from those of `b`, or, without `b`, that no
/// longer or never were written: a half of all set bits is a NaN that no op makes.
struct CountWords {
  std::uint32_t* counts;
  const std::uint32_t* a;
  const std::uint32_t* b;
  std::int64_t words, lanes;
  bool halves;
  __device__ void operator()(std::int64_t i) const {
    std::uint32_t count = 0;
    for (std::int64_t w = i; w < words; w += lanes) {
      if (b)
        count += a[w] != b[w];
      else
        count += a[w] == 0xffffffffu || (halves && ((a[w] & 0xffffu) == 0xffffu || a[w] >> 16 == 0xffffu));
    }
    counts[i] += count;
  }
};

/// A case's name, what it found, and whether that is right.
struct Outcome {
  bool passed = false;
  std::vector<std::pair<std::string, double>> figures;
  /// -1: there is none of this name.
  double figure(const std::string& name) const {
    for (const auto& [key, value] : figures)
      if (key == name) return value;
    return -1;
  }
};
struct Case {
  std::string key;
  std::function<Outcome(cuda::AtomicDevice&, int runs)> run;
};

/// The arrays of one op and its runs.
class Repeat {
 public:
  Repeat(cuda::AtomicDevice& device, int runs) : device_(device), runs_(runs) {}
  cuda::Device& device() { return device_; }
  cuda::AtomicDevice& in_any_order() { return device_; }

  /// Numbers that the op reads: uniform in [low, 1); another `stream`, other numbers.
  template <class T>
  T* input(std::int64_t size, std::uint32_t stream, float low = -1) {
    T* const data = array<T>(size);
    cuda::for_each(device_, size, UniformNumbers<T>{data, stream, low});
    return data;
  }
  template <class T>
  T* input(const std::vector<T>& values) {
    T* const data = array<T>(static_cast<std::int64_t>(values.size()));
    device_.upload(data, values.data(), static_cast<std::int64_t>(values.size()));
    return data;
  }
  /// An array that is there, and nothing else: what a pass before this one leaves.
  template <class T>
  T* array(std::int64_t size) {
    arrays_.emplace_back(size * static_cast<std::int64_t>(sizeof(T)));
    return reinterpret_cast<T*>(arrays_.back().data());
  }

  /// An output of which the op writes every element.
  template <class T>
  T* written(std::int64_t size) {
    return output<T>(size, nullptr);
  }
  /// An output that the op changes: it begins with the same numbers each time.
  template <class T>
  T* changed(std::int64_t size, std::uint32_t stream, float low = -1) {
    return output<T>(size, reinterpret_cast<const std::byte*>(input<T>(size, stream, low)));
  }
  /// An output of which the op writes some elements; the others are zero.
  template <class T>
  T* partly_written(std::int64_t size) {
    T* const zeros = array<T>(size);
    cuda::fill_zero(device_, std::span(zeros, static_cast<std::size_t>(size)));
    return output<T>(size, reinterpret_cast<const std::byte*>(zeros));
  }

  /// Calls `op` as often as was asked; all outputs are there.
  template <class Op>
  Outcome run(const Op& op) {
    cuda::Memory<std::uint32_t> different(lanes), unwritten(lanes);
    cuda::fill_zero(device_, different.span());
    cuda::fill_zero(device_, unwritten.span());
    double words = 0;
    for (int run = 0; run < runs_; ++run) {
      for (const Output& o : outputs_) put_back(o);
      op();
      for (Output& o : outputs_) {
        if (run > 0) {
          count(different, o.data, o.first.data(), o);
          continue;
        }
        words += static_cast<double>(o.bytes / 4);
        if (!o.start) count(unwritten, o.data, nullptr, o);
        o.first = cuda::Memory<std::byte>(o.bytes);
        copy(o.first.data(), o.data, o.bytes);
      }
    }
    const double of_different = total(different), of_unwritten = total(unwritten);
    return {of_different == 0 && of_unwritten == 0,
            {{"runs", runs_}, {"words", words}, {"different", of_different}, {"unwritten", of_unwritten}}};
  }

 private:
  struct Output {
    std::byte* data;
    std::int64_t bytes;
    const std::byte* start;  // what it begins with; nullptr: all bits set
    bool halves;
    cuda::Memory<std::byte> first{};
  };
  static constexpr std::int64_t lanes = 1 << 16;

  template <class T>
  T* output(std::int64_t size, const std::byte* start) {
    const std::int64_t bytes = size * static_cast<std::int64_t>(sizeof(T));
    if (bytes % 4 != 0) throw Error(ExitCode::usage, "an output that is compared must be a whole number of words");
    T* const data = array<T>(size);
    outputs_.push_back({reinterpret_cast<std::byte*>(data), bytes, start, sizeof(T) == 2});
    return data;
  }
  void copy(std::byte* to, const std::byte* from, std::int64_t bytes) {
    cuda::check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToDevice, device_.stream()),
                "copy an output");
  }
  void put_back(const Output& o) {
    if (o.start)
      copy(o.data, o.start, o.bytes);
    else
      cuda::check(cudaMemsetAsync(o.data, 0xff, static_cast<std::size_t>(o.bytes), device_.stream()), "set an output");
  }
  void count(const cuda::Memory<std::uint32_t>& counts, const std::byte* a, const std::byte* b, const Output& o) {
    const std::int64_t words = o.bytes / 4, used = std::min(words, lanes);
    const auto of = [](const std::byte* bytes) { return reinterpret_cast<const std::uint32_t*>(bytes); };
    cuda::for_each(device_, used, CountWords{counts.data(), of(a), of(b), words, used, o.halves});
  }
  double total(const cuda::Memory<std::uint32_t>& counts) {
    std::vector<std::uint32_t> on_host(static_cast<std::size_t>(lanes));
    device_.download(on_host.data(), counts.data(), lanes);
    double sum = 0;
    for (const std::uint32_t n : on_host) sum += n;
    return sum;
  }

  cuda::AtomicDevice& device_;
  int runs_;
  std::vector<cuda::Memory<std::byte>> arrays_;
  std::vector<Output> outputs_;
};

/// What is summed in whatever order on purpose: its bits are counted and not judged.
inline bool sums_in_any_order(const std::string& key) { return key.starts_with("attention_atomic."); }

/// A case that is `body(repeat)`.
template <class Body>
Case case_of(const std::string& key, const Body& body) {
  return {key, [key, body](cuda::AtomicDevice& device, int runs) {
            Repeat repeat(device, runs);
            Outcome outcome = body(repeat);
            outcome.passed |= sums_in_any_order(key);
            return outcome;
          }};
}

}  // namespace longsky::test
