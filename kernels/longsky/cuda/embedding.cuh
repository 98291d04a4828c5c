// longsky/cuda/embedding.cuh — the table lookup that turns tokens into rows, and its gradient.
//
//   x[t] = scale * table[token[t]]        dtable[token[t]] += scale * dx[t]
//
// A token may occur many times. Backward works from a list of the tokens in order of their row, made once a batch on
// the host: each row of the table has one warp, which adds in the order of the tokens, so the bits are the same in each
// run.
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cuda/elementwise.cuh>
#include <longsky/cuda/vec.cuh>
#include <longsky/cuda/warp.cuh>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace longsky::cuda {

/// Where each different token stands: occurrences [first[i], first[i + 1]) of `place` are those of row[i], in order.
struct TokenPlaces {
  std::vector<std::int32_t> row, place;
  std::vector<std::int64_t> first;

  explicit TokenPlaces(std::span<const std::int32_t> tokens) : place(tokens.size()) {
    std::iota(place.begin(), place.end(), 0);
    const auto token = [&](std::int32_t t) { return tokens[static_cast<std::size_t>(t)]; };
    std::ranges::stable_sort(place, {}, token);
    for (std::size_t i = 0; i < place.size(); ++i)
      if (i == 0 || token(place[i]) != row.back()) {
        row.push_back(token(place[i]));
        first.push_back(static_cast<std::int64_t>(i));
      }
    first.push_back(static_cast<std::int64_t>(place.size()));
  }
};

/// TokenPlaces in device memory; `rows` is how many different tokens there are.
struct TokenPlacesView {
  const std::int32_t *row, *place;
  const std::int64_t* first;
  std::int64_t rows;
};

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

/// Item i is one vector of one row of the table that some token uses.
template <class T, int C>
struct EmbeddingBackward {
  static constexpr int vec = Vec<T>::size, vectors = C / vec;
  float* dtable;
  TokenPlacesView places;
  const T* dx;
  float scale;

  __device__ void operator()(std::int64_t i) const {
    const std::int64_t row = i / vectors, c = i % vectors * vec;
    float sum[vec] = {};
    for (std::int64_t n = places.first[row]; n < places.first[row + 1]; ++n) {
      const auto d = Vec<T>::load(dx + static_cast<std::int64_t>(places.place[n]) * C + c);
#pragma unroll
      for (int j = 0; j < vec; ++j) sum[j] += d[j];
    }
    float* const to = dtable + static_cast<std::int64_t>(places.row[row]) * C + c;
#pragma unroll
    for (int j = 0; j < vec; ++j) to[j] += scale * sum[j];
  }
};

}  // namespace kernel

/// Writes the scaled row of every token to `x`. Every token must be in [0, table.count).
template <int C, class T = float>
void embedding_forward(Device& device, Rows<T, C> x, std::span<const std::int32_t> tokens, Rows<const T, C> table,
                       float scale) {
  using Body = kernel::EmbeddingForward<T, C>;
  for_each(device, x.count * Body::vectors, Body{x.data, tokens.data(), table.data, scale});
}

/// Adds the gradient of every row of `x` to its token's row of `dtable`.
template <int C, class T = float>
void embedding_backward(Device& device, Rows<float, C> dtable, TokenPlacesView places, Rows<const T, C> dx,
                        float scale) {
  using Body = kernel::EmbeddingBackward<T, C>;
  for_each(device, places.rows * Body::vectors, Body{dtable.data, places, dx.data, scale});
}

}  // namespace longsky::cuda
