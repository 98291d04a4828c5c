// tests/cuda/matmul_test.cpp — how products are asked of cuBLASLt: once a shape, with arguments that it takes.
#include "cuda/on_device.hpp"
#include "emulation/runtime.hpp"
#include "support/catch.hpp"

#include <longsky/cuda/linear.cuh>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace longsky::test {

TEST_CASE("the emulation's cuBLASLt refuses what the real one would", "[cuda][emulation]") {
  using cuda::Factor;
  cuda::Device device;
  OnDevice<float> a(device, std::vector<float>(64, 1.0f)), b(device, std::vector<float>(64, 1.0f)), d(device, 64);
  const auto said = [&](Factor<float> first, Factor<float> second, float* result, std::int64_t leading) {
    try {
      cuda::matmul(device, {4, 8, 8}, first, second, result, leading);
    } catch (const std::logic_error& error) {
      return std::string(error.what());
    }
    return std::string("nothing");
  };
  CHECK(said({a, 8}, {b, 8}, d, 8) == "nothing");
  CHECK_THAT(said({nullptr, 8}, {b, 8}, d, 8), Catch::Contains("B is nullptr"));
  CHECK_THAT(said({a, 8}, {b.data() + 1, 8}, d, 8), Catch::Contains("A does not begin on 16 bytes"));
  CHECK_THAT(said({a, 8}, {b, 8}, d, 7), Catch::Contains("D has columns of 8 elements, 7 apart"));
  CHECK_THAT(said({a, 3, true}, {b, 8}, d, 8), Catch::Contains("B has columns of 4 elements, 3 apart"));
  CHECK_THAT(said({a, 8}, {b, 8}, a, 8), Catch::Contains("D overwrites a factor"));
}

TEST_CASE("cuBLASLt is asked once for a shape", "[cuda][matmul]") {
  cuda::Device device;
  OnDevice<float> x(device, std::vector<float>(64, 1.0f)), w(device, std::vector<float>(64, 1.0f)), y(device, 64),
      bias(device, std::vector<float>(8, 1.0f));
  const auto queries = [&](std::int64_t rows, const float* of_bias) {
    const int before = emulation::matmul_queries;
    cuda::linear_forward<Fp32, 8, 8>(device, Rows<float, 8>{y, rows}, Rows<float, 8>{x, rows}, w, of_bias, nullptr);
    return emulation::matmul_queries - before;
  };
  CHECK(queries(8, nullptr) == 1);
  CHECK(queries(8, nullptr) == 0);
  CHECK(queries(8, bias) == 1);
  CHECK(queries(7, bias) == 1);
  CHECK(queries(8, bias) == 0);
  CHECK(queries(8, nullptr) == 0);
}

TEST_CASE("the emulation sums as a GPU does where it is asked to", "[cuda][emulation]") {
  cuda::Device device;
  // 1e8 and 1 in one float sum: the 1 is lost; in double it is not.
  OnDevice<float> a(device, std::vector<float>{1e8f, 0, 0, 0, 1, 0, 0, 0, -1e8f, 0, 0, 0, 0, 0, 0, 0});
  OnDevice<float> b(device, std::vector<float>(16, 1.0f)), d(device, 4);
  const auto sum = [&](bool hardware) {
    const bool before = std::exchange(emulation::hardware_sums, hardware);
    cuda::matmul(device, {1, 1, 16}, cuda::Factor<float>{a, 16}, cuda::Factor<float>{b, 16, true}, d.data(), 4);
    emulation::hardware_sums = before;
    return d.values()[0];
  };
  CHECK(sum(false) == 1.0f);
  CHECK(sum(true) == 0.0f);
}

TEST_CASE("errors of cuBLASLt say what was asked and what to do", "[cuda][matmul]") {
  const auto said = [](const auto& run) {
    try {
      run();
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("nothing");
  };
  emulation::devices = 0;
  CHECK_THAT(said([] { cuda::MatmulPlans plans; }), Catch::Contains("could not start") && Catch::Contains("GPU"));
  emulation::devices = 1;
  CHECK_THAT(said([] {
               cuda::MatmulPlans::check(CUBLAS_STATUS_NOT_SUPPORTED, cuda::MatmulPlans::words({5, 7, 3}));
             }),
             Catch::Contains("multiply [5, 3] by [3, 7]") && Catch::Contains("multiples of 8"));
  CHECK(said([] { cuda::MatmulPlans::check(CUBLAS_STATUS_SUCCESS, "start"); }) == "nothing");
}

}  // namespace longsky::test
