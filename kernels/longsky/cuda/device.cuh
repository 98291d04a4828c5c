// longsky/cuda/device.cuh — where CUDA ops run: a stream of one GPU, and scratch memory that grows once and then stays.
//
// Every error of the CUDA runtime becomes one sentence that says what was asked and what to do.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/half.hpp>
#include <longsky/spec/pass.hpp>

#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <typeindex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace longsky::cuda {

/// Throws Error when a call of the CUDA runtime failed; `asked` completes "CUDA could not …".
inline void check(cudaError_t status, const std::string& asked) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // or the next launch would find this error once more
  std::string remedy;
  ExitCode code = ExitCode::failure;
  switch (status) {
    case cudaErrorNoDevice:
    case cudaErrorInsufficientDriver:
      code = ExitCode::no_device;
      remedy = "; a GPU and a driver at least as new as the CUDA toolkit are needed (nvidia-smi shows both)";
      break;
    case cudaErrorInvalidDevice:
      code = ExitCode::no_device;
      remedy = "; choose one that nvidia-smi lists";
      break;
    case cudaErrorNoKernelImageForDevice:
      code = ExitCode::no_device;
      remedy = "; this program was compiled for other GPUs: add this one's to CMAKE_CUDA_ARCHITECTURES and build again";
      break;
    case cudaErrorMemoryAllocation:
      code = ExitCode::does_not_fit;
      remedy = "; the `plan` command lists what a recipe needs, nvidia-smi what other programs hold";
      break;
    default:
      break;
  }
  throw Error(code, "CUDA could not " + asked + ": " + cudaGetErrorString(status) + remedy);
}

/// `size` elements of device memory, contents undefined. Owns them.
template <class T>
class Memory {
 public:
  Memory() = default;
  explicit Memory(std::integral auto size) : size_(static_cast<std::int64_t>(size)) {
    if (size_ > 0)
      check(cudaMalloc(reinterpret_cast<void**>(&data_), static_cast<std::size_t>(size_) * sizeof(T)),
            "allocate " + std::to_string(static_cast<std::size_t>(size_) * sizeof(T)) + " bytes");
  }
  Memory(Memory&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Memory& operator=(Memory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Memory() { cudaFree(data_); }

  T* data() const { return data_; }
  std::int64_t size() const { return size_; }
  std::span<T> span() const { return {data_, static_cast<std::size_t>(size_)}; }

 private:
  T* data_ = nullptr;
  std::int64_t size_ = 0;
};

/// A kernel's grid, `layers` of `rows` of `blocks` blocks of `threads` threads, and the bytes of their shared_memory
/// (shared.cuh). A block knows its row by blockIdx.y and its layer by blockIdx.z; they begin in that order.
struct Grid {
  std::int64_t blocks;
  int threads;
  std::size_t shared = 0;
  std::int64_t rows = 1;
  std::int64_t layers = 1;

  bool empty() const { return blocks == 0 || rows == 0 || layers == 0; }
  /// Throws Error where CUDA has no such grid.
  void check() const {
    constexpr std::int64_t most = 65535;
    if (rows > most)
      throw Error(ExitCode::failure, "a kernel would need " + std::to_string(rows) +
                                         " rows of blocks, one for each tile of a sequence, and CUDA has " +
                                         std::to_string(most) + " at the most; shorten the context");
    if (layers > most)
      throw Error(ExitCode::failure, "a kernel would need " + std::to_string(layers) +
                                         " layers of blocks, one for some of a batch's heads, and CUDA has " +
                                         std::to_string(most) + " at the most; put fewer sequences in a pass");
  }
};

/// The uses of scratch memory; two that are alive at the same time have different names.
enum class Scratch { reduction, sort, sorted, matmul, logits, query_sums, count };

class Recording;  // recording.cuh
class Staging;    // staging.cuh
template <class T>
class Readback;        // readback.cuh
struct DeviceOptions;  // options.cuh

/// The argument by which ops are found (`rmsnorm_forward(device, …)` is `longsky::cuda::rmsnorm_forward`).
class Device {
 public:
  template <class Precision>
  using Element = std::conditional_t<Precision::rounds_factors, bf16, float>;  ///< of weights and activations
  template <class T>
  using Array = Memory<T>;  ///< memory that ops work on
  using Staging = cuda::Staging;
  using Recording = cuda::Recording;
  template <class T>
  using Readback = cuda::Readback<T>;
  using Options = DeviceOptions;
  static constexpr bool shares_host_memory = false;

  /// Scratch memory of the ops of a training step (workspace.cuh).
  template <class Net>
  static constexpr std::int64_t workspace_bytes(const StepShape& shape);

  /// Elements that attention_bounds writes for `tokens` tokens: four for each token and kind of walk.
  static constexpr std::int64_t attention_bounds_size(std::int64_t tokens) { return 3 * 4 * tokens; }

  /// Takes GPU `ordinal`. `synchronous` waits after each launch, so that an error is reported where it was made.
  explicit Device(int ordinal = 0, bool synchronous = false) : synchronous_(synchronous) {
    check(cudaSetDevice(ordinal), "use GPU " + std::to_string(ordinal));
    check(cudaStreamCreate(&stream_), "create a stream");
  }
  explicit Device(const DeviceOptions& options);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() { cudaStreamDestroy(stream_); }

  cudaStream_t stream() const { return stream_; }
  bool synchronous() const { return synchronous_; }
  /// Of the host: one queues what the GPU does.
  static constexpr int threads() { return 1; }
  /// What is queued is done while the host goes on.
  bool runs_ahead() const { return !synchronous_; }

  /// The GPU's name and memory.
  std::string description() const {
    cudaDeviceProp properties;
    int ordinal = 0;
    check(cudaGetDevice(&ordinal), "say which GPU it uses");
    check(cudaGetDeviceProperties(&properties, ordinal), "describe the GPU");
    return std::string(properties.name) + ", " + std::to_string(properties.totalGlobalMem >> 20) + " MiB";
  }

  /// What no program holds at the moment.
  std::int64_t memory_bytes() const {
    std::size_t free = 0, all = 0;
    check(cudaMemGetInfo(&free, &all), "say how much memory is free");
    return static_cast<std::int64_t>(free);
  }

  /// Waits for all that was queued.
  void synchronise() { check(cudaStreamSynchronize(stream_), "finish what was queued"); }

  /// At least `bytes` bytes, contents undefined. Grows on first use; a steady run never allocates.
  void* scratch(Scratch use, std::int64_t bytes) {
    Memory<std::byte>& memory = scratch_[static_cast<std::size_t>(use)];
    if (memory.size() < bytes) {
      synchronise();  // what is queued may still use the old one
      memory = Memory<std::byte>(bytes);
      ++growths_;
    }
    return memory.data();
  }

  /// How often scratch memory has grown: what was recorded before holds addresses that are no longer good.
  int growths() const { return growths_; }

  /// The one object of type T that lives as long as the device, made when it is first asked for.
  template <class T>
  T& own() {
    std::shared_ptr<void>& object = owned_[typeid(T)];
    if (!object) object = std::make_shared<T>();
    return *static_cast<T*>(object.get());
  }

  /// Queues a copy to or from the host; returns when the host's side may be reused.
  template <class T>
  void upload(T* to, const T* from, std::int64_t size) {
    copy(to, from, size, cudaMemcpyHostToDevice, "copy to the GPU");
  }
  template <class T>
  void download(T* to, const T* from, std::int64_t size) {
    copy(to, from, size, cudaMemcpyDeviceToHost, "copy from the GPU");
  }

  /// As `upload` and `download`, between float on the host and T on the device.
  template <class T>
  void upload_as(T* to, const float* from, std::int64_t size) {
    if constexpr (std::is_same_v<T, float>)
      upload(to, from, size);
    else
      in_pieces<T>(size, [&](T* piece, std::int64_t first, std::int64_t n) {
        std::transform(from + first, from + first + n, piece, [](float x) { return static_cast<T>(x); });
        upload(to + first, piece, n);
      });
  }
  template <class T>
  void download_as(float* to, const T* from, std::int64_t size) {
    if constexpr (std::is_same_v<T, float>)
      download(to, from, size);
    else
      in_pieces<T>(size, [&](T* piece, std::int64_t first, std::int64_t n) {
        download(piece, from + first, n);
        std::transform(piece, piece + n, to + first, [](T x) { return static_cast<float>(x); });
      });
  }

 private:
  // Through a few megabytes of the host's: a model's weights in a second type would be as large as the model.
  template <class T, class Body>
  static void in_pieces(std::int64_t size, const Body& body) {
    constexpr std::int64_t most = std::int64_t{4} << 20;
    std::vector<T> piece(static_cast<std::size_t>(std::min(size, most)));
    for (std::int64_t first = 0; first < size; first += most) body(piece.data(), first, std::min(most, size - first));
  }

  template <class T>
  void copy(T* to, const T* from, std::int64_t size, cudaMemcpyKind kind, const char* asked) {
    if (size == 0) return;  // then both may be null
    check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(size) * sizeof(T), kind, stream_), asked);
    synchronise();
  }

  cudaStream_t stream_ = nullptr;
  bool synchronous_;
  int growths_ = 0;
  std::array<Memory<std::byte>, static_cast<std::size_t>(Scratch::count)> scratch_;
  std::unordered_map<std::type_index, std::shared_ptr<void>> owned_;
};

}  // namespace longsky::cuda
