// cuda/recording_test.cpp — a recording is replayed for what it was recorded for, and the emulation sees where not.
#include "emulation/capture.hpp"
#include "emulation/runtime.hpp"
#include "support/catch.hpp"

#include <longsky/cuda/cuda.cuh>
#include <longsky/spec/pass.hpp>

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

/// A pass of `sequences` times `context` tokens that lie at one place.
Pass pass_of(const std::vector<std::int32_t>& memory, int sequences, int context) {
  const std::span<const std::int32_t> all(memory.data(), static_cast<std::size_t>(sequences * context));
  return {all, all, all, all, context};
}

}  // namespace

TEST_CASE("passes are told apart by their shape and by where they lie") {
  const std::vector<std::int32_t> memory(64), elsewhere(64);
  const WorkKey key = key_of(pass_of(memory, 2, 16));
  CHECK(key == key_of(pass_of(memory, 2, 16)));
  CHECK(key != key_of(pass_of(memory, 1, 16)));
  CHECK(key != key_of(pass_of(memory, 1, 32)));  // as many tokens, cut otherwise
  CHECK(key != key_of(pass_of(elsewhere, 2, 16)));
}

TEST_CASE("a recording of one size is not replayed for another") {
  cuda::Device device;
  cuda::Memory<float> array(1024);
  cuda::Recording recording;
  const std::vector<std::int32_t> memory(64);
  const auto clear = [&](int tokens) {
    recording.run(device, key_of(pass_of(memory, 1, tokens)),
                  [&] { cuda::fill_zero(device, array.span().first(static_cast<std::size_t>(tokens))); });
  };
  for (int round = 0; round < 4; ++round)
    for (const int tokens : {16, 32, 8}) CHECK_NOTHROW(clear(tokens));
}

TEST_CASE("a key that does not tell two works apart is found by the emulation") {
  cuda::Device device;
  cuda::Memory<float> array(1024), other(1024);
  const auto replayed = [&](const auto& first, const auto& then) {
    cuda::Recording recording;
    recording.run(device, WorkKey{}, first);
    recording.run(device, WorkKey{}, first);  // is recorded
    recording.run(device, WorkKey{}, first);
    recording.run(device, WorkKey{}, then);
  };
  const auto clear = [&](cuda::Memory<float>& memory, std::size_t size) {
    return [&device, &memory, size] { cuda::fill_zero(device, memory.span().first(size)); };
  };
  CHECK_THROWS_WITH(replayed(clear(array, 16), clear(array, 32)), Contains("other sizes or addresses"));
  CHECK_THROWS_WITH(replayed(clear(array, 16), clear(other, 16)), Contains("other sizes or addresses"));
  CHECK_THROWS_WITH(replayed(clear(array, 16), [] {}), Contains("is replayed and not wanted"));
  CHECK_THROWS_WITH(replayed([] {}, clear(array, 16)), Contains("was not recorded"));
  double total = 0;
  cuda::Memory<double> sum(1);
  const auto squares = [&](std::size_t size) {
    return [&, size] { cuda::sum_of_squares(device, sum.data(), array.span().first(size)); };
  };
  clear(array, 1024)();
  CHECK_THROWS_AS(replayed(squares(1024), squares(512)), std::logic_error);
  CHECK_NOTHROW(replayed(squares(1024), squares(1024)));
  device.download(&total, sum.data(), 1);
  CHECK(total == 0);
}

TEST_CASE("what CUDA refuses while it records, the emulation refuses") {
  cuda::Device device;
  cuda::Memory<float> array(16);
  std::vector<float> pageable(16);
  const auto recorded = [&](const auto& work) {
    const emulation::Capture capture(/*forbids=*/true);
    work();
  };
  CHECK_THROWS_WITH(recorded([&] { cuda::Memory<float>(1); }), Contains("not permitted when stream is capturing"));
  CHECK_THROWS_WITH(recorded([&] { device.synchronise(); }), Contains("not permitted when stream is capturing"));
  CHECK_THROWS_WITH(recorded([&] { device.upload(array.data(), pageable.data(), 16); }), Contains("not permitted"));
  CHECK_THROWS_WITH(recorded([&] { device.download(pageable.data(), array.data(), 16); }), Contains("not permitted"));
  recorded([&] {
    void* memory = nullptr;
    CHECK(cudaHostAlloc(&memory, 16, cudaHostAllocDefault) == cudaErrorStreamCaptureUnsupported);
    CHECK(cudaMemsetAsync(array.data(), 0, 16, nullptr) == cudaErrorStreamCaptureImplicit);
    CHECK(cudaFree(array.data()) == cudaErrorStreamCaptureUnsupported);
    CHECK(cudaMemsetAsync(array.data(), 0, 16, device.stream()) == cudaSuccess);
  });
  cudaGetLastError();
  CHECK_NOTHROW(device.synchronise());
}
