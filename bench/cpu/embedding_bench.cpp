// bench/cpu/embedding_bench.cpp — the lookup and its gradient, 32 Ki tokens:
// the bytes a second that the op must read and write, beside a plain copy's.
#include "../measure.hpp"

#include <longsky/cpu/embedding.hpp>

#include <cstdint>

namespace {

using namespace longsky;

constexpr int C = 256, V = 4096;
constexpr std::int64_t N = 1 << 15;

struct Arrays {
  Buffer<float> x{N * C}, table{V * C};
  Buffer<std::int32_t> tokens{N};
  Arrays() {
    Random random(1, stream_of("tokens"), 0);
    for (std::int32_t& token : tokens.span()) token = static_cast<std::int32_t>(random.below(V));
  }
};

void forward(benchmark::State& state) {
  cpu::Device device;
  const Arrays a;
  bench::measure_bytes(state, device, 2.0 * N * C * sizeof(float), [&] {
    cpu::embedding_forward<C>(device, {a.x.data(), N}, a.tokens.span(), {a.table.data(), V}, 1.0f);
  });
}

void backward(benchmark::State& state) {
  cpu::Device device;
  const Arrays a;
  bench::measure_bytes(state, device, 3.0 * N * C * sizeof(float), [&] {
    cpu::embedding_backward<C>(device, {a.table.data(), V}, a.tokens.span(), {a.x.data(), N}, 1.0f);
  });
}

BENCHMARK(forward)->Name("embedding_forward.c256")->UseManualTime();
BENCHMARK(backward)->Name("embedding_backward.c256")->UseManualTime();

}  // namespace
