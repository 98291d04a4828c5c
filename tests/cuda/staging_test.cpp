// tests/cuda/staging_test.cpp — a pass on its way to the GPU.
#include "cuda/on_device.hpp"

#include <longsky/cuda/staging.cuh>

#include <cstdint>
#include <vector>

namespace longsky::test {

TEST_CASE("a staged pass is the host's, and of one size always at one place", "[cuda][staging][smoke]") {
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
