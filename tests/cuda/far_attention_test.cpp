// tests/cuda/far_attention_test.cpp — attention where its arrays have more elements than an int can count: of a batch
// of long sequences only the last tile of the last head is run.
#include "cuda/far_memory.hpp"
#include "cuda/on_device.hpp"
#include "emulation/cuda_on_cpu.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference_rows.hpp"

#include <longsky/cuda/attention_backward.cuh>
#include <longsky/cuda/attention_forward.cuh>

#include <cmath>
#include <cstdint>

using namespace longsky;
using namespace longsky::test;

namespace {

/// Three sequences as long as a Skywork's, of which nothing is there but the end: 3 * 40 * 200,064 * 128 > 2^31.
constexpr int B = 3, H = 40, T = 200'064, D = 128, window = 40, tile = 128, near = 2 * tile;
using Mask = SlidingWindow<window>;
constexpr std::int64_t size = std::int64_t{B} * H * T * D;
static_assert(size > std::int64_t{1} << 31 && T % tile == 0);

/// [B, H, T, D]: the last tokens of the last head lie together. [B*T, H*D]: H * D elements apart.
struct Far {
  FarMemory<bf16> memory{size};
  std::int64_t stride;
  explicit Far(std::int64_t of) : stride(of) {}
  bf16* row(int from_end) { return memory.data() + size - D - (from_end - 1) * stride; }
  void put(const std::vector<float>& values) {
    for (int t = 0; t < near; ++t)
      for (int d = 0; d < D; ++d) row(near - t)[d] = static_cast<bf16>(values[static_cast<std::size_t>(t * D + d)]);
  }
  std::vector<float> last(int rows) {
    std::vector<float> values;
    for (int t = rows; t > 0; --t)
      for (int d = 0; d < D; ++d) values.push_back(static_cast<float>(row(t)[d]));
    return values;
  }
};

Doubles last(const Doubles& x, int rows) { return {x.end() - rows * D, x.end()}; }

/// Runs the last block of a row of a grid, with as much shared memory as it likes.
template <class... Parameters, class... Arguments>
void run_block(unsigned row, dim3 grid, int threads, void (*kernel)(Parameters...), const Arguments&... arguments) {
  const unsigned block = (row + 1) * grid.x - 1;
  emulation::block.run_some(block, block + 1, grid, static_cast<unsigned>(threads), SIZE_MAX,
                            [&] { kernel(static_cast<Parameters>(arguments)...); });
}

}  // namespace

TEST_CASE("attention's arrays may be larger than an int can count", "[cuda][attention]") {
  const AttentionShape s{1, 1, 1, near, D};  // the same window over the same tokens
  const auto random = [](const char* name) { return stored_as<bf16>(random_floats(near * D, name)); };
  const auto on_q = random("q"), on_k = random("k"), on_v = random("v"), on_d_o = random("d_o");
  const auto want = attention<Mask>(s, to_double(on_q), to_double(on_k), to_double(on_v), to_double(on_d_o), {});

  Far q(D), k(D), v(D), dq(D), dk(D), dv(D), o(std::int64_t{H} * D), d_o(std::int64_t{H} * D);
  q.put(on_q), k.put(on_k), v.put(on_v), d_o.put(on_d_o);
  FarMemory<float> lse(size / D), delta(size / D);
  const AttentionBatch batch{B, T, nullptr};
  constexpr unsigned heads = B * H;

  using Forward = cuda::AttentionTiles<D>::Forward;
  using Keys = cuda::AttentionTiles<D>::Keys;
  using Queries = cuda::AttentionTiles<D>::Queries;
  const dim3 grid(heads, T / tile), grid_of_keys(heads, T / Keys::owned);
  STATIC_REQUIRE((Forward::owned == tile && Queries::owned == tile && Keys::owned <= tile));
  run_block(0, grid, Forward::threads, cuda::kernel::attention_forward<Mask, H, H, D, Forward>, o.memory.data(),
            lse.data(), q.memory.data(), k.memory.data(), v.memory.data(), batch);
  CHECK(close(o.last(tile), last(want.o.value, tile), last(want.o.scale, tile), 2 * rounding<bf16>));

  // What the forward pass and attention_delta leave for all queries whose keys are in the last tile.
  for (int t = 0; t < tile; ++t) {
    const auto at = static_cast<std::size_t>(near - tile + t);
    CHECK(lse.data()[size / D - tile + t] == Approx(want.lse[at]).margin(1e-5));
    double sum = 0;
    for (std::size_t d = 0; d < D; ++d) sum += double{on_d_o[at * D + d]} * want.o.value[at * D + d];
    delta.data()[size / D - tile + t] = static_cast<float>(sum);
  }
  FarMemory<float> query_sums(size);
  run_block(grid_of_keys.y - 1, grid_of_keys, Keys::threads,
            cuda::kernel::attention_backward_keys<Mask, H, H, D, Keys, true>, dk.memory.data(), dv.memory.data(),
            query_sums.data(), d_o.memory.data(), delta.data(), lse.data(), q.memory.data(), k.memory.data(),
            v.memory.data(), batch);
  for (const float sum : query_sums.read(size - D, D)) CHECK((std::isfinite(sum) && sum != 0));  // of the last query
  run_block(0, grid, Queries::threads, cuda::kernel::attention_backward_queries<Mask, H, H, D, Queries>,
            dq.memory.data(), d_o.memory.data(), delta.data(), lse.data(), q.memory.data(), k.memory.data(),
            v.memory.data(), batch);
  CHECK(close(dv.last(Keys::owned), last(want.dv.value, Keys::owned), last(want.dv.scale, Keys::owned),
              2 * rounding<bf16>));
  CHECK(close(dk.last(Keys::owned), last(want.dk.value, Keys::owned), last(want.dk.scale, Keys::owned),
              3 * rounding<bf16>));
  CHECK(close(dq.last(tile), last(want.dq.value, tile), last(want.dq.scale, tile), 3 * rounding<bf16>));
}
