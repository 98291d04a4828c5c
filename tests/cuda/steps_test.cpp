// tests/cuda/steps_test.cpp — what a step needs besides the network: sums on the device, single threads, rows moved.
#include "cuda/on_device.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"

#include <longsky/cuda/copy_heads.cuh>
#include <longsky/cuda/global_norm.cuh>
#include <longsky/cuda/run_once.cuh>
#include <longsky/cuda/staging.cuh>

namespace longsky::test {

namespace {

struct Halve {
  double* x;
  LONGSKY_HD void operator()() const { *x /= 2; }
};

}  // namespace

TEST_CASE("sums on a GPU go on top of what is there, and run_once sees them", "[cuda][steps]") {
  const std::int64_t n = GENERATE(1, 255, 257, 5001);
  const auto x = random_floats(n, "x");
  double want = 0;
  for (const float value : x) want += double{value};
  cuda::Device device;
  OnDevice on_x(device, x);
  OnDevice<double> total(device, std::vector<double>{100});
  add_sum(device, total.data(), std::span<const float>(on_x.data(), x.size()));
  run_once(device, Halve{total.data()});
  double got = 0;
  device.download(&got, total.data(), 1);
  CHECK(got == Approx((100 + want) / 2).epsilon(1e-12));
}

TEMPLATE_TEST_CASE("rows of every head move on a GPU", "[cuda][steps]", float, bf16) {
  constexpr int D = 16, heads = 3, capacity = 9, context = 5, at = 2, length = 4;
  cuda::Device device;
  const auto from = stored_as<TestType>(random_floats(heads * context * D, "from"));
  OnDevice<TestType> on_from(device, from), to(device, std::vector<float>(heads * capacity * D, -3.0f));
  cuda::copy_heads<D>(device, to.data(), capacity, at, on_from.data(), context, length, heads);
  const auto got = to.floats();
  for (int h = 0; h < heads; ++h)
    for (int t = 0; t < capacity; ++t)
      for (int d = 0; d < D; ++d) {
        const bool moved = t >= at && t < at + length;
        const float want = moved ? from[static_cast<std::size_t>((h * context + t - at) * D + d)] : -3.0f;
        REQUIRE(got[static_cast<std::size_t>((h * capacity + t) * D + d)] == want);
      }
}

TEST_CASE("a staged pass is the host's, and of one size always at one place", "[cuda][steps]") {
  cuda::Device device;
  cuda::Staging staging(device, 40);
  const std::int32_t* place = nullptr;
  for (int turn = 0; turn < 5; ++turn) {
    std::vector<std::int32_t> tokens(40, turn), targets(40, 10 + turn), documents(40, 20 + turn),
        positions(40, 30 + turn);
    const Pass staged = staging.put({tokens, targets, documents, positions, 20});
    tokens.assign(40, -1);  // the host's arrays may be filled again
    CHECK(staged.context == 20);
    CHECK(staged.count() == 40);
    int expected = turn;
    for (const auto array : {staged.tokens, staged.targets, staged.documents, staged.positions}) {
      std::vector<std::int32_t> there(array.size());
      device.download(there.data(), array.data(), static_cast<std::int64_t>(there.size()));
      CHECK(there == std::vector<std::int32_t>(40, expected));
      expected += 10;
    }
    CHECK((place == nullptr || place == staged.tokens.data()));
    place = staged.tokens.data();
  }
}

}  // namespace longsky::test
