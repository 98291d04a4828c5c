// tests/emulation/runtime.cpp — the few calls of the CUDA runtime that longsky makes, on the CPU's memory.
//
// Memory starts as NaN and lies between guard zones that are looked at when it is freed.
#include "runtime.hpp"

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

namespace longsky::emulation {
std::size_t memory_limit = std::size_t{1} << 30;
int devices = 1;

namespace {
constexpr std::size_t zone = 256;
constexpr unsigned char guard = 0xa5;
std::map<void*, std::size_t> sizes;
std::size_t held = 0;
}  // namespace
}  // namespace longsky::emulation

using namespace longsky::emulation;

extern "C" {

cudaError_t cudaSetDevice(int device) {
  if (devices == 0) return cudaErrorNoDevice;
  return 0 <= device && device < devices ? cudaSuccess : cudaErrorInvalidDevice;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::snprintf(properties->name, sizeof properties->name, "emulated GPU");
  properties->totalGlobalMem = memory_limit;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* all) {
  *all = memory_limit;
  *free = memory_limit - held;
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** memory, std::size_t size, unsigned) {
  *memory = std::malloc(std::max<std::size_t>(size, 1));
  return *memory ? cudaSuccess : cudaErrorMemoryAllocation;
}
cudaError_t cudaFreeHost(void* memory) {
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = nullptr;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  *stream = nullptr;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }

cudaError_t cudaMalloc(void** memory, std::size_t size) {
  if (held + size > memory_limit) return cudaErrorMemoryAllocation;
  auto* const bytes = static_cast<unsigned char*>(std::aligned_alloc(zone, (size + 3 * zone) / zone * zone));
  if (!bytes) return cudaErrorMemoryAllocation;
  std::fill_n(bytes, zone, guard);
  std::fill_n(bytes + zone, size, static_cast<unsigned char>(0xff));  // a NaN in every format
  std::fill_n(bytes + zone + size, zone, guard);
  *memory = bytes + zone;
  sizes[*memory] = size;
  held += size;
  return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
  if (!memory) return cudaSuccess;
  const auto found = sizes.find(memory);
  if (found == sizes.end()) return cudaErrorInvalidValue;
  auto* const bytes = static_cast<unsigned char*>(memory);
  const auto kept = [](unsigned char byte) { return byte == guard; };
  if (!std::all_of(bytes - zone, bytes, kept) ||
      !std::all_of(bytes + found->second, bytes + found->second + zone, kept)) {
    std::fputs("a kernel wrote beyond its memory\n", stderr);
    std::abort();
  }
  held -= found->second;
  sizes.erase(found);
  std::free(bytes - zone);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t size, cudaMemcpyKind, cudaStream_t) {
  std::memcpy(to, from, size);
  return cudaSuccess;
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch, std::size_t width,
                              std::size_t height, cudaMemcpyKind, cudaStream_t) {
  if (width > to_pitch || width > from_pitch) return cudaErrorInvalidPitchValue;
  for (std::size_t row = 0; row < height; ++row)
    std::memcpy(static_cast<char*>(to) + row * to_pitch, static_cast<const char*>(from) + row * from_pitch, width);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t size, cudaStream_t) {
  std::memset(memory, value, size);
  return cudaSuccess;
}

const char* cudaGetErrorString(cudaError_t status) {
  switch (status) {
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorNoKernelImageForDevice:
      return "no kernel image is available for execution on the device";
    default:
      return "an error";
  }
}
}
