// longsky/cuda/embedding.cuh — the table lookup that turns tokens into rows, and its gradient.
//
//   x[t] = scale * table[token[t]]        dtable[token[t]] += scale * dx[t]
//
// A token may occur many times. Backward sorts the places of the tokens by token, so that those of one token are a run;
// the threads at the head of a run sum it in the order of the places: the same bits in every run of the program.
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cuda/cub.cuh>
#include <longsky/cuda/elementwise.cuh>
#include <longsky/cuda/vec.cuh>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <type_traits>

namespace longsky::cuda {

namespace kernel {

template <class T, int C>
struct EmbeddingForward {
  static constexpr int vec = Vec<T>::size, vectors = C / vec;
  static_assert(C % vec == 0, "longsky: a row must be a whole number of 16-byte loads; pad ModelSpec.width");
  T* x;
  const std::int32_t* tokens;
  const T* table;
  float scale;

  __device__ void operator()(std::int64_t i) const {
    const std::int64_t c = i % vectors * vec;
    const auto from = Vec<T>::load(table + static_cast<std::int64_t>(tokens[i / vectors]) * C + c);
    Vec<T> to;
#pragma unroll
    for (int j = 0; j < vec; ++j) to.set(j, scale * from[j]);
    to.store(x + i / vectors * C + c);
  }
};

struct Count {
  std::int32_t* to;
  __device__ void operator()(std::int64_t i) const { to[i] = static_cast<std::int32_t>(i); }
};

/// Item i is one vector of the row at place i of the sorted tokens.
template <class T, int C>
struct EmbeddingBackward {
  static constexpr int vec = Vec<T>::size, vectors = C / vec;
  float* dtable;
  const std::int32_t *token, *place;  // sorted by token, equal ones by place
  int count;
  const T* dx;
  float scale;

  __device__ int end_of_run(int head) const {
    int inside = head, outside = count;
    while (outside - inside > 1) {
      const int middle = inside + (outside - inside) / 2;
      (token[middle] == token[head] ? inside : outside) = middle;
    }
    return outside;
  }
  __device__ void operator()(std::int64_t i) const {
    const int head = static_cast<int>(i / vectors);
    if (head > 0 && token[head - 1] == token[head]) return;
    const std::int64_t c = i % vectors * vec;
    const int end = end_of_run(head);
    float sum[vec] = {};
#pragma unroll 4
    for (int n = head; n < end; ++n) {
      const auto d = Vec<T>::load(dx + static_cast<std::int64_t>(place[n]) * C + c);
#pragma unroll
      for (int j = 0; j < vec; ++j) sum[j] += d[j];
    }
    float* const to = dtable + static_cast<std::int64_t>(token[head]) * C + c;
#pragma unroll
    for (int j = 0; j < vec; ++j) to[j] += scale * sum[j];
  }
};

}  // namespace kernel

/// Writes the scaled row of every token to `x`. Every token must be in [0, table.count).
template <int C, class T>
void embedding_forward(Device& device, Rows<T, C> x, std::span<const std::int32_t> tokens, In<T, C> table,
                       float scale) {
  using Body = kernel::EmbeddingForward<T, C>;
  for_each(device, x.count * Body::vectors, Body{x.data, tokens.data(), table.data, scale});
}

/// Adds the gradient of every row of `x` to its token's row of `dtable`. Every token must be in [0, dtable.count).
template <int C, class U>
void embedding_backward(Device& device, Rows<float, C> dtable, std::span<const std::int32_t> tokens, Rows<U, C> dx,
                        float scale) {
  using Body = kernel::EmbeddingBackward<std::remove_const_t<U>, C>;
  const auto count = static_cast<int>(dx.count);
  const int token_bits = std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(dtable.count - 1))));
  auto* const place = static_cast<std::int32_t*>(
      device.scratch(Scratch::sorted, 3 * dx.count * static_cast<std::int64_t>(sizeof(std::int32_t))));
  std::int32_t *const sorted_place = place + dx.count, *const sorted_token = sorted_place + dx.count;
  for_each(device, dx.count, kernel::Count{place});
  sort_pairs(device, sorted_token, tokens.data(), sorted_place, place, count, token_bits);
  for_each(device, dx.count * Body::vectors, Body{dtable.data, sorted_token, sorted_place, count, dx.data, scale});
}

}  // namespace longsky::cuda
