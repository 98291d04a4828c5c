// tests/cuda/ladder_test.cpp — every rung of docs/04-kernel.md computes the same norm, row lengths at the edges
// included.
#include "cuda/on_device.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference_rows.hpp"

#include "../../bench/cuda/ladder/rmsnorm_1_thread_a_row.cuh"
#include "../../bench/cuda/ladder/rmsnorm_2_warp_a_row.cuh"
#include "../../bench/cuda/ladder/rmsnorm_3_vectors.cuh"
#include "../../bench/cuda/ladder/rmsnorm_4_registers.cuh"

namespace longsky::test {

namespace {

constexpr float eps = 1e-5f;

template <class Rung, int C>
void check(std::int64_t N) {
  cuda::Device device;
  const auto x = stored_as<bf16>(random_floats(N * C, "x")), w = random_floats(C, "w");
  OnDevice<bf16> on_x(device, x), y(device, N * C);
  OnDevice<float> on_w(device, w);
  Rung::template run<C>(device, {y, N}, {on_x, N}, on_w, eps);
  CHECK(close(y.floats(), rmsnorm(to_double(x), to_double(w), eps), 1e-6 + rounding<bf16>));
}

}  // namespace

TEMPLATE_TEST_CASE("every rung of the norm's ladder computes the norm", "[cuda][ladder]", ladder::ThreadARow,
                   ladder::WarpARow, ladder::Vectors, ladder::Registers) {
  const std::int64_t N = GENERATE(1, 6, 130);
  check<TestType, 8>(N);
  check<TestType, 256>(N);
  check<TestType, 776>(N);
}

}  // namespace longsky::test
