// tests/cuda/full_size_test.cpp — what cuda/gpu/ asks of a GPU, at sizes that the emulation can run: every op is among
// its cases, and what does not repeat or is not written is found.
#include "cuda/gpu/ops_at_size.cuh"
#include "cuda/on_device.hpp"
#include "emulation/runtime.hpp"
#include "support/catch.hpp"

#include <longsky/core/file.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace longsky::test {

namespace {

struct Add {
  float* to;
  const float* what;
  std::int64_t only;  // elements from here on are left alone
  void operator()(std::int64_t i) const {
    if (i < only) to[i] += *what;
  }
};

}  // namespace

TEST_CASE("every op on a GPU leaves the same bits each time, and every element of them",
          "[cuda][emulation][full_size]") {
  cuda::AtomicDevice device;
  for (const Case& one : cases_of_ops<TinySize>()) {
    const Outcome outcome = one.run(device, 2);
    INFO(one.key);
    CHECK(outcome.passed);
    CHECK(outcome.figure("runs") == 2);
    CHECK(outcome.figure("words") > 0);
    CHECK(outcome.figure("different") == 0);  // in the emulation blocks come in order, whatever sums them
    CHECK(outcome.figure("unwritten") == 0);
  }
}

TEST_CASE("bits that differ in one run and elements that are not written are counted", "[cuda][emulation][full_size]") {
  cuda::AtomicDevice device;
  Repeat repeat(device, 5);
  float* const x = repeat.changed<float>(100, 1);
  bf16* const y = repeat.written<bf16>(50);
  OnDevice<float> what(device, std::vector<float>{1.0f});
  int run = 0;
  const Outcome outcome = repeat.run([&] {
    const std::vector<float> other{run++ == 3 ? 1.5f : 1.0f};
    device.upload(what.data(), other.data(), 1);
    cuda::for_each(device, 100, Add{x, what.data(), 98});
    cuda::fill_zero(device, std::span(y, 47));
  });
  CHECK(!outcome.passed);
  CHECK(outcome.figure("words") == 125);
  CHECK(outcome.figure("different") == 98);
  CHECK(outcome.figure("unwritten") == 2);  // words: half of one, and another
}

TEST_CASE("what sums in any order is judged by no bit, by name", "[cuda][emulation][full_size]") {
  CHECK(sums_in_any_order("attention_atomic.backward.d64"));
  CHECK(!sums_in_any_order("attention_backward.d64"));
}

/// A header that queues something for the GPU has a case of its name; what is here only helps those that do.
TEST_CASE("every op of the library is among those that are repeated", "[cuda][emulation][full_size]") {
  const std::set<std::string> helpers{"elementwise", "launch", "peak"};
  const auto here = std::filesystem::path(__FILE__).parent_path();
  const std::string cases = read_file(here / "gpu/attention_at_size.cuh") + read_file(here / "gpu/ops_at_size.cuh");
  int ops = 0;
  for (const auto& file : std::filesystem::directory_iterator(here / "../../kernels/longsky/cuda")) {
    const std::string text = read_file(file.path()), stem = file.path().stem().string();
    const bool queues = std::ranges::any_of(
        std::vector<std::string>{"launch(device,", "for_each(device,", "cudaMemsetAsync(", "cudaMemcpy2DAsync("},
        [&](const std::string& call) { return text.find(call) != std::string::npos; });
    if (!queues || helpers.contains(stem)) continue;
    INFO(stem << ".cuh");
    CHECK(cases.find("add(\"" + stem) != std::string::npos);
    ++ops;
  }
  CHECK(ops >= 17);
}

}  // namespace longsky::test
