// tests/emulation/runtime.cpp — the few calls of the CUDA runtime that longsky makes, on the CPU's memory.
//
// Memory starts as NaN and lies between guard zones that are looked at when it is freed. What is copied to pinned
// memory arrives when it has been waited for; until then NaN is there.
#include "runtime.hpp"
#include "capture.hpp"

#include <cuda_runtime.h>

#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

namespace longsky::emulation {
std::size_t memory_limit = std::size_t{1} << 30;
int devices = 1;
int waits = 0;

namespace {
constexpr std::size_t zone = 256;
constexpr unsigned char guard = 0xa5;
std::map<void*, std::size_t> sizes;
std::size_t held = 0;
cudaError_t last_error = cudaSuccess;
cudaError_t remembered(cudaError_t status) {
  if (status != cudaSuccess) last_error = status;
  return status;
}

// Pinned memory, and what is under way to it: with the place among all copies, which events are recorded as.
std::map<const void*, std::size_t> pinned;
struct Copy {
  void* to;
  std::vector<unsigned char> bytes;
};
std::map<std::size_t, Copy> under_way;
std::size_t copies = 0;

bool is_pinned(const void* memory) {
  const auto after = pinned.upper_bound(memory);
  if (after == pinned.begin()) return false;
  const auto [start, size] = *std::prev(after);
  return memory < static_cast<const char*>(start) + size;
}
// What CUDA answers while a stream is captured, to a call that cannot be recorded.
cudaError_t refused() { return remembered(cudaErrorStreamCaptureUnsupported); }
// A command on the legacy stream would wait for the captured one.
bool is_legacy(cudaStream_t stream) { return Capture::forbids() && stream == nullptr; }
cudaError_t implicit() { return remembered(cudaErrorStreamCaptureImplicit); }
bool is_pageable(const void* memory, cudaMemcpyKind kind, const void* other) {
  return (kind == cudaMemcpyHostToDevice && !is_pinned(other)) ||
         (kind == cudaMemcpyDeviceToHost && !is_pinned(memory));
}
void arrive_until(std::size_t last) {
  while (!under_way.empty() && under_way.begin()->first <= last) {
    const Copy& copy = under_way.begin()->second;
    std::copy(copy.bytes.begin(), copy.bytes.end(), static_cast<unsigned char*>(copy.to));
    under_way.erase(under_way.begin());
  }
}
}  // namespace

std::size_t pinned_bytes() {
  std::size_t sum = 0;
  for (const auto& [start, size] : pinned) sum += size;
  return sum;
}
}  // namespace longsky::emulation

using namespace longsky::emulation;

extern "C" {

cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
cudaError_t cudaSetDevice(int device) {
  if (devices == 0) return remembered(cudaErrorNoDevice);
  return remembered(0 <= device && device < devices ? cudaSuccess : cudaErrorInvalidDevice);
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
  if (Capture::forbids()) return refused();
  *memory = std::malloc(std::max<std::size_t>(size, 1));
  if (*memory) pinned[*memory] = size;
  return *memory ? cudaSuccess : cudaErrorMemoryAllocation;
}
cudaError_t cudaFreeHost(void* memory) {
  if (Capture::forbids()) return refused();
  pinned.erase(memory);
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = reinterpret_cast<cudaEvent_t>(new std::size_t(0));
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete reinterpret_cast<std::size_t*>(event);
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  *reinterpret_cast<std::size_t*>(event) = copies;
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (Capture::forbids()) return refused();
  arrive_until(*reinterpret_cast<std::size_t*>(event));
  return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  *stream = reinterpret_cast<cudaStream_t>(new char);  // none is the legacy stream, nullptr
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete reinterpret_cast<char*>(stream);
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  if (Capture::forbids()) return refused();
  ++waits;
  arrive_until(copies);
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** memory, std::size_t size) {
  if (Capture::forbids()) return refused();
  if (held + size > memory_limit) return remembered(cudaErrorMemoryAllocation);
  void* room = nullptr;  // not by aligned_alloc, which gives the host's buffers: a test counts them there
  if (::posix_memalign(&room, zone, (size + 3 * zone) / zone * zone) != 0) room = nullptr;
  auto* const bytes = static_cast<unsigned char*>(room);
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
  if (Capture::forbids()) return refused();
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

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t size, cudaMemcpyKind kind, cudaStream_t stream) {
  if (is_legacy(stream)) return implicit();
  if (Capture::forbids() && is_pageable(to, kind, from)) return refused();
  note("a copy", to, from, size, kind);
  if (kind == cudaMemcpyDeviceToHost && is_pinned(to)) {
    const auto* const bytes = static_cast<const unsigned char*>(from);
    under_way[++copies] = {to, {bytes, bytes + size}};
    std::memset(to, 0xff, size);
  } else {
    std::memcpy(to, from, size);
  }
  return cudaSuccess;
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  if (is_legacy(stream)) return implicit();
  if (Capture::forbids() && is_pageable(to, kind, from)) return refused();
  note("a copy of rows", to, to_pitch, from, from_pitch, width, height, kind);
  if (width > to_pitch || width > from_pitch) return cudaErrorInvalidPitchValue;
  for (std::size_t row = 0; row < height; ++row)
    std::memcpy(static_cast<char*>(to) + row * to_pitch, static_cast<const char*>(from) + row * from_pitch, width);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t size, cudaStream_t stream) {
  if (is_legacy(stream)) return implicit();
  note("a memset", memory, value, size);
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
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureImplicit:
      return "operation would make the legacy stream depend on a capturing blocking stream";
    case cudaErrorNoKernelImageForDevice:
      return "no kernel image is available for execution on the device";
    default:
      return "an error";
  }
}
}
