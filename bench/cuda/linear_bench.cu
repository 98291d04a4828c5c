// bench/cuda/linear_bench.cu — the layers of a model of 8 billion weights on 8 Ki tokens, in bfloat16: 2 N K operations
// a token for the product and for each of its two gradients.
#include "measure.cuh"

#include <longsky/cuda/linear.cuh>
#include <longsky/spec/precision.hpp>

#include <cstdint>
#include <string>

namespace longsky::bench {

namespace {

constexpr std::int64_t tokens = 8192;
enum class Pass { forward, input, weight };

template <int N, int K>
struct Arrays {
  cuda::Memory<bf16> x, y;
  explicit Arrays(std::uint32_t set) : x(filled<bf16>(tokens * K, 2 * set)), y(filled<bf16>(tokens * N, 2 * set + 1)) {}
};

template <Pass P, int N, int K>
void linear(benchmark::State& state) {
  using Set = Arrays<N, K>;
  const auto w = filled<bf16>(std::int64_t{N} * K, 100);
  const auto dw = filled<float>(std::int64_t{N} * K, 101);
  auto sets = sets_of(static_cast<double>(tokens) * (N + K) * sizeof(bf16), [](std::uint32_t i) { return Set(i); });
  measure<Bound::product>(state, 2.0 * tokens * N * K, sets, [&](Set& a) {
    const Rows<bf16, K> x{a.x.data(), tokens};
    const Rows<bf16, N> y{a.y.data(), tokens};
    if constexpr (P == Pass::forward)
      cuda::linear_forward<Bf16, N, K>(gpu(), y, x, w.data(), nullptr, nullptr);
    else if constexpr (P == Pass::input)
      cuda::linear_backward_input<Bf16, N, K>(gpu(), x, y, w.data());
    else
      cuda::linear_backward_weight<Bf16, N, K>(gpu(), dw.data(), nullptr, y, x);
  });
}

template <int N, int K>
bool add_layer(const std::string& layer) {
  return add("cuda.linear.forward." + layer, linear<Pass::forward, N, K>) &&
         add("cuda.linear.backward_input." + layer, linear<Pass::input, N, K>) &&
         add("cuda.linear.backward_weight." + layer, linear<Pass::weight, N, K>);
}

const bool added = add_layer<6144, 4096>("qkv") && add_layer<28672, 4096>("gate_up") && add_layer<4096, 14336>("down");

}  // namespace

}  // namespace longsky::bench
