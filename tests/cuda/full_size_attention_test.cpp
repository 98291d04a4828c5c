// tests/cuda/full_size_attention_test.cpp — what cuda/gpu/ asks of attention, at sizes that the emulation can run.
#include "cuda/gpu/against_float.cuh"
#include "cuda/on_device.hpp"
#include "emulation/runtime.hpp"
#include "support/catch.hpp"

#include <cmath>
#include <vector>

namespace longsky::test {

TEST_CASE("attention on a GPU leaves the same bits each time, and every element of them",
          "[cuda][emulation][full_size]") {
  cuda::AtomicDevice device;
  for (const Case& one : cases_of_attention<TinySize>()) {
    const Outcome outcome = one.run(device, 2);
    INFO(one.key);
    CHECK(outcome.passed);
    CHECK(outcome.figure("runs") == 2);
    CHECK(outcome.figure("words") > 0);
    CHECK(outcome.figure("different") == 0);  // in the emulation blocks come in order, whatever sums them
    CHECK(outcome.figure("unwritten") == 0);
  }
}

TEST_CASE("attention in bfloat16 is as near to attention in float as it rounds", "[cuda][emulation][full_size]") {
  cuda::AtomicDevice device;
  for (const Case& one : cases_against_float<TinySize>()) {
    const Outcome outcome = one.run(device, 1);
    INFO(one.key);
    CHECK(outcome.passed);
    CHECK(outcome.figures.size() == 8);
    CHECK(outcome.figure("o") > 0);
    CHECK(outcome.figure("dq.atomic") > 0);
  }
}

TEST_CASE("a result that is not a number is near to nothing", "[cuda][emulation][full_size]") {
  cuda::Device device;
  OnDevice<float> want(device, std::vector<float>{1, 2, 3}), nan(device, std::vector<float>{1, NAN, 3});
  CHECK(!(relative_error(device, nan.data(), want.data(), 3) <= 1));
  CHECK(relative_error(device, want.data(), want.data(), 3) == 0);
}

}  // namespace longsky::test
