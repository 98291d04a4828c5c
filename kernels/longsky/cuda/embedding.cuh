// longsky/cuda/embedding.cuh — the table lookup that turns tokens into rows, and its gradient.
//
//   x[t] = scale * table[token[t]]        dtable[token[t]] += scale * dx[t]
//
// A token may occur many times. Backward sorts the places of the tokens by token, so that those of one token lie
// together, and cuts what is sorted into pieces of one size: a frequent token's rows are summed piece by piece at the
// same time. The threads at a token's first place add the pieces in order, so the bits are the same in every run.
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cuda/cub.cuh>
#include <longsky/cuda/elementwise.cuh>
#include <longsky/cuda/vec.cuh>

#include <algorithm>
#include <bit>
#include <cstddef>
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
    float to[std::size_t{vec}];
#pragma unroll
    for (int j = 0; j < vec; ++j) to[j] = scale * from[j];
    Vec<T>::of(to).store(x + i * vec);
  }
};

struct Count {
  std::int32_t* to;
  __device__ void operator()(std::int64_t i) const { to[i] = static_cast<std::int32_t>(i); }
};

/// The tokens of a batch, sorted; equal ones by place.
struct SortedTokens {
  static constexpr int piece = 128;
  const std::int32_t *token, *place;
  int count;

  /// Does place `at` have the same token as the one before it?
  __device__ bool goes_on(int at) const { return at > 0 && token[at - 1] == token[at]; }
  /// The end of the token at `from`.
  __device__ int end(int from) const {
    int inside = from, outside = count;
    while (outside - inside > 1) {
      const int middle = inside + (outside - inside) / 2;
      (token[middle] == token[from] ? inside : outside) = middle;
    }
    return outside;
  }
  /// sum += one vector of the rows of dx at places [first, last), in order.
  template <class T>
  __device__ void add(float (&sum)[Vec<T>::size], const T* dx, int width, int first, int last) const {
#pragma unroll 4
    for (int n = first; n < last; ++n) {
      const auto d = Vec<T>::load(dx + static_cast<std::int64_t>(place[n]) * width);
#pragma unroll
      for (int j = 0; j < Vec<T>::size; ++j) sum[j] += d[j];
    }
  }
};

/// Item i is one vector of piece i + 1, where that begins with the token with which the piece before it ends: its sum.
template <class T, int C>
struct EmbeddingPieces {
  static constexpr int vec = Vec<T>::size, vectors = C / vec;
  float* sums;  // [pieces, C]
  SortedTokens sorted;
  const T* dx;

  __device__ void operator()(std::int64_t i) const {
    const int p = static_cast<int>(i / vectors) + 1, c = static_cast<int>(i % vectors) * vec;
    const int first = p * SortedTokens::piece;
    if (!sorted.goes_on(first)) return;
    const int end = sorted.end(first), last = end < first + SortedTokens::piece ? end : first + SortedTokens::piece;
    float sum[std::size_t{vec}] = {};
    sorted.add(sum, dx + c, C, first, last);
    store_floats(sums + static_cast<std::int64_t>(p) * C + c, sum);
  }
};

/// Item i is one vector of the row at place i, where a token begins.
template <class T, int C>
struct EmbeddingBackward {
  static constexpr int vec = Vec<T>::size, vectors = C / vec;
  float* dtable;
  const float* sums;
  SortedTokens sorted;
  const T* dx;
  float scale;

  __device__ void operator()(std::int64_t i) const {
    const int head = static_cast<int>(i / vectors), c = static_cast<int>(i % vectors) * vec;
    if (sorted.goes_on(head)) return;
    const int end = sorted.end(head);
    int p = head / SortedTokens::piece + 1;
    float sum[std::size_t{vec}] = {};
    sorted.add(sum, dx + c, C, head, end < p * SortedTokens::piece ? end : p * SortedTokens::piece);
#pragma unroll 4
    for (; p * SortedTokens::piece < end; ++p) add_floats(sum, sums + static_cast<std::int64_t>(p) * C + c);
    float* const to = dtable + static_cast<std::int64_t>(sorted.token[head]) * C + c;
#pragma unroll
    for (float& x : sum) x *= scale;
    add_floats(sum, to);
    store_floats(to, sum);
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
  using T = std::remove_const_t<U>;
  using Pieces = kernel::EmbeddingPieces<T, C>;
  using Heads = kernel::EmbeddingBackward<T, C>;
  const auto count = static_cast<int>(dx.count);
  const int token_bits = std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(dtable.count - 1))));
  auto* const place = static_cast<std::int32_t*>(
      device.scratch(Scratch::sorted, 3 * dx.count * static_cast<std::int64_t>(sizeof(std::int32_t))));
  std::int32_t *const sorted_place = place + dx.count, *const sorted_token = sorted_place + dx.count;
  const kernel::SortedTokens sorted{sorted_token, sorted_place, count};
  const std::int64_t pieces = (dx.count + sorted.piece - 1) / sorted.piece;
  auto* const sums =
      static_cast<float*>(device.scratch(Scratch::reduction, pieces * C * static_cast<std::int64_t>(sizeof(float))));

  for_each(device, dx.count, kernel::Count{place});
  sort_pairs(device, sorted_token, tokens.data(), sorted_place, place, count, token_bits);
  if (pieces > 1) for_each(device, (pieces - 1) * Pieces::vectors, Pieces{sums, sorted, dx.data});
  for_each(device, dx.count * Heads::vectors, Heads{dtable.data, sums, sorted, dx.data, scale});
}

}  // namespace longsky::cuda
