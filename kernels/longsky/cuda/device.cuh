// longsky/cuda/device.cuh — where CUDA ops run: a stream of one GPU, and scratch memory that grows once and then stays.
//
// Every error of the CUDA runtime becomes one sentence that says what was asked and what to do.
#pragma once

#include <longsky/core/error.hpp>

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <typeindex>
#include <unordered_map>
#include <utility>

namespace longsky::cuda {

/// Throws Error when a call of the CUDA runtime failed; `asked` completes "CUDA could not …".
inline void check(cudaError_t status, const std::string& asked) {
  if (status == cudaSuccess) return;
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
  explicit Memory(std::int64_t size) : size_(size) {
    if (size > 0)
      check(cudaMalloc(reinterpret_cast<void**>(&data_), static_cast<std::size_t>(size) * sizeof(T)),
            "allocate " + std::to_string(static_cast<std::size_t>(size) * sizeof(T)) + " bytes");
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

 private:
  T* data_ = nullptr;
  std::int64_t size_ = 0;
};

/// How many blocks of how many threads a kernel is launched with.
struct Grid {
  std::int64_t blocks;
  int threads;
};

/// The uses of scratch memory; two that are alive at the same time have different names.
enum class Scratch { reduction, result, sort, sorted, matmul, logits, count };

/// The argument by which ops are found (`rmsnorm_forward(device, …)` is `longsky::cuda::rmsnorm_forward`).
class Device {
 public:
  /// Takes GPU `ordinal`. `synchronous` waits after each launch, so that an error is reported where it was made.
  explicit Device(int ordinal = 0, bool synchronous = false) : synchronous_(synchronous) {
    check(cudaSetDevice(ordinal), "use GPU " + std::to_string(ordinal));
    check(cudaStreamCreate(&stream_), "create a stream");
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() { cudaStreamDestroy(stream_); }

  cudaStream_t stream() const { return stream_; }
  bool synchronous() const { return synchronous_; }

  /// Waits for all that was queued.
  void synchronise() { check(cudaStreamSynchronize(stream_), "finish what was queued"); }

  /// At least `bytes` bytes, contents undefined. Grows on first use; a steady run never allocates.
  void* scratch(Scratch use, std::int64_t bytes) {
    Memory<std::byte>& memory = scratch_[static_cast<std::size_t>(use)];
    if (memory.size() < bytes) {
      synchronise();  // what is queued may still use the old one
      memory = Memory<std::byte>(bytes);
    }
    return memory.data();
  }

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

 private:
  template <class T>
  void copy(T* to, const T* from, std::int64_t size, cudaMemcpyKind kind, const char* asked) {
    check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(size) * sizeof(T), kind, stream_), asked);
    synchronise();
  }

  cudaStream_t stream_ = nullptr;
  bool synchronous_;
  std::array<Memory<std::byte>, static_cast<std::size_t>(Scratch::count)> scratch_;
  std::unordered_map<std::type_index, std::shared_ptr<void>> owned_;
};

}  // namespace longsky::cuda
