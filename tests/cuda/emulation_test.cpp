// tests/cuda/emulation_test.cpp — the emulation finds what it is there to find.
#include "emulation/runtime.hpp"
#include "support/catch.hpp"

#include <longsky/cuda/launch.cuh>
#include <longsky/cuda/options.cuh>
#include <longsky/cuda/shared.cuh>
#include <longsky/cuda/warp.cuh>

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <string>

namespace {

using namespace longsky;

template <bool Barrier>
__global__ void pass_on(int* out) {
  __shared__ cuda::Shared<int, 64> values;
  const int i = static_cast<int>(threadIdx.x);
  values[i] = i;
  if constexpr (Barrier) __syncthreads();
  out[i] = values[(i + 33) % 64];
}

template <bool Barrier>
__global__ void overwrite(int* out) {
  __shared__ cuda::Shared<int, 64> values;
  const int i = static_cast<int>(threadIdx.x);
  values[i] = i;
  __syncthreads();
  out[i] = values[(i + 33) % 64];
  if constexpr (Barrier) __syncthreads();
  values[i] = -i;
}

__global__ void read_unwritten(int* out) {
  __shared__ cuda::Shared<int, 64> values;
  out[threadIdx.x] = values[static_cast<int>(threadIdx.x)];
}

__global__ void some_wait() {
  if (threadIdx.x < 3) __syncthreads();
}

__global__ void outside() {
  __shared__ cuda::Shared<int, 4> values;
  values[static_cast<int>(threadIdx.x)] = 1;
}

__global__ void warp_only(int* out) {
  __shared__ cuda::Shared<int, 64> values;
  const int i = static_cast<int>(threadIdx.x);
  values[i] = i;
  __syncwarp();
  out[i] = values[i ^ 1];
}

struct Copied {
  cuda::Shared<float, 64> values;
};

template <bool Waits>
__global__ void copy_first(float* out, const float* from) {
  auto& shared = cuda::shared_memory<Copied>();
  const int i = static_cast<int>(threadIdx.x);
  shared.values.copy_async(i, from + i, i < 63);
  cuda::commit_copies();
  if constexpr (Waits) cuda::wait_for_copies<0>();
  __syncthreads();
  out[i] = shared.values[(i + 1) % 64];
}

__global__ void sum_lanes(float* out) { out[threadIdx.x] = cuda::warp_sum(static_cast<float>(threadIdx.x)); }

std::string said(const auto& run) {
  try {
    run();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("a copy is there when it has been waited for, and what a launch shares must be asked for",
          "[cuda][emulation]") {
  cuda::Device device;
  float from[64], out[64];
  for (int i = 0; i < 64; ++i) from[i] = static_cast<float>(i + 1);
  const auto run = [&](auto kernel, std::size_t shared) {
    return said([&] { cuda::launch(device, {1, 64, shared}, kernel, &out[0], &from[0]); });
  };
  CHECK(run(copy_first<true>, sizeof(Copied)) == "nothing");
  CHECK(out[0] == 2);
  CHECK(out[62] == 0);  // there was nothing to copy
  CHECK(run(copy_first<false>, sizeof(Copied)) == "nothing");
  CHECK(std::isnan(out[0]));
  CHECK_THAT(run(copy_first<true>, sizeof(Copied) - 1), Catch::Matchers::Contains("of which the launch asked for"));
}

TEST_CASE("a missing barrier is found", "[cuda][emulation]") {
  cuda::Device device;
  int out[64];
  const auto run = [&](auto kernel) { return said([&] { cuda::launch(device, {2, 64}, kernel, &out[0]); }); };
  CHECK(run(pass_on<true>) == "nothing");
  CHECK(out[1] == 34);
  CHECK_THAT(run(pass_on<false>), Catch::Contains("nobody wrote") || Catch::Contains("a barrier is missing"));
  CHECK(run(overwrite<true>) == "nothing");
  CHECK_THAT(run(overwrite<false>), Catch::Contains("a barrier is missing"));
  CHECK_THAT(run(read_unwritten), Catch::Contains("nobody wrote"));
  CHECK(run(warp_only) == "nothing");
}

TEST_CASE("a barrier that only some reach, and an index beyond the end, are found", "[cuda][emulation]") {
  cuda::Device device;
  CHECK_THAT(said([&] { cuda::launch(device, {1, 64}, some_wait); }), Catch::Contains("never reach"));
  CHECK_THAT(said([&] { cuda::launch(device, {1, 5}, outside); }), Catch::Contains("shared[4] of 4"));
}

TEST_CASE("a grid that CUDA does not have is answered in a sentence", "[cuda][emulation]") {
  cuda::Device device;
  float out[64];
  CHECK_THAT(said([&] { cuda::launch(device, {.blocks = 1, .threads = 64, .rows = 65536}, sum_lanes, &out[0]); }),
             Catch::Contains("65536 rows") && Catch::Contains("shorten the context"));
}

TEST_CASE("a warp's sum reaches every lane", "[cuda][emulation]") {
  cuda::Device device;
  float out[64];
  cuda::launch(device, {1, 64}, sum_lanes, &out[0]);
  for (int i = 0; i < 64; ++i) CHECK(out[i] == (i < 32 ? 496.0f : 1520.0f));
}

TEST_CASE("errors of the runtime say what to do", "[cuda][device]") {
  CHECK_THAT(said([] { cuda::Device device(3); }), Catch::Contains("GPU 3") && Catch::Contains("nvidia-smi"));
  emulation::devices = 0;
  CHECK_THAT(said([] { cuda::Device device; }), Catch::Contains("no CUDA-capable device") && Catch::Contains("driver"));
  emulation::devices = 1;
  CHECK_THAT(said([] { cuda::Memory<float> memory(std::int64_t{1} << 40); }),
             Catch::Contains("allocate 4398046511104 bytes") && Catch::Contains("plan"));
  CHECK(cudaGetLastError() == cudaSuccess);  // or the next launch would be blamed for it
  CHECK_THAT(said([] { cuda::check(cudaErrorNoKernelImageForDevice, "launch a kernel"); }),
             Catch::Contains("CMAKE_CUDA_ARCHITECTURES"));
}

TEST_CASE("--gpu counts as nvidia-smi does, unless the user has chosen another order", "[cuda][emulation]") {
  const auto order_at_first_call = [] {
    CHECK_THAT(said([] { cuda::Device device(cuda::DeviceOptions{.gpu = 3}); }), Catch::Contains("GPU 3"));
    return std::string(std::getenv("CUDA_DEVICE_ORDER"));
  };
  unsetenv("CUDA_DEVICE_ORDER");
  CHECK(order_at_first_call() == "PCI_BUS_ID");
  setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST", 1);
  CHECK(order_at_first_call() == "FASTEST_FIRST");
  unsetenv("CUDA_DEVICE_ORDER");
}
