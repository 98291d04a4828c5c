// tests/cuda/embedding_test.cpp — the lookup and its gradient on a GPU.
#include "cases/embedding.hpp"
#include "cuda/far_memory.hpp"
#include "cuda/on_device.hpp"

#include <longsky/cuda/embedding.cuh>

#include <cstdint>
#include <vector>

namespace longsky::test {

TEMPLATE_TEST_CASE("embedding on a GPU looks rows up and sums their gradients", "[cuda][embedding][smoke]", float,
                   bf16) {
  const std::int64_t N = GENERATE(1, 500);
  const int different = GENERATE(1, 2, 10);  // the last row is nobody's
  EmbeddingCases::check<cuda::Device, TestType, 24>(N, different);
}

TEMPLATE_TEST_CASE("embedding on a GPU reaches rows beyond 2^31 elements", "[cuda][embedding][odd]", float, bf16) {
  using T = TestType;
  constexpr int C = 64;
  constexpr std::int32_t far = (1 << 25) + 3;
  cuda::Device device;
  FarMemory<T> table(std::int64_t{far + 1} * C);
  FarMemory<float> dtable(std::int64_t{far + 1} * C);
  table.write(std::int64_t{far} * C, std::vector<T>(C, static_cast<T>(0.5f)));
  OnDevice<T> x(device, 2 * C);
  OnDevice<std::int32_t> tokens(device, std::vector<std::int32_t>{far, far});
  embedding_forward<C>(device, Rows<T, C>{x, 2}, tokens.span(), {table.data(), far + 1}, 3.0f);
  CHECK(x.floats() == std::vector<float>(2 * C, 1.5f));
  embedding_backward<C>(device, Rows<float, C>{dtable.data(), far + 1}, tokens.span(), Rows<const T, C>{x, 2}, 2);
  CHECK(dtable.read(std::int64_t{far} * C, C) == std::vector<float>(C, 6.0f));
}

}  // namespace longsky::test
