// The emulation's twin of longsky/cuda/matmul.cuh: the product on the CPU, after a look at the arguments. What cuBLASLt
// would refuse, or would do without a word, is thrown as std::logic_error.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/cuda/device.cuh>

#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace longsky::cuda {

template <class T>
struct Factor {
  const T* data;
  std::int64_t leading;
  bool transposed = false;
};

struct MatmulShape {
  std::int64_t rows, columns, depth;
};

/// An array of an argument: is it there, where a 16-byte load may begin, with rows that do not overlap?
inline void check_matrix(const char* name, const void* data, std::int64_t contiguous, std::int64_t leading) {
  const std::string matrix = std::string("a product's ") + name;
  if (!data) throw std::logic_error(matrix + " is nullptr");
  if (reinterpret_cast<std::uintptr_t>(data) % 16 != 0) throw std::logic_error(matrix + " does not begin on 16 bytes");
  if (leading < contiguous)
    throw std::logic_error(matrix + " has rows of " + std::to_string(contiguous) + " elements, " +
                           std::to_string(leading) + " apart");
}

template <class Out, class T>
void matmul(Device&, MatmulShape shape, Factor<T> a, Factor<T> b, Out* d, std::int64_t leading,
            std::type_identity_t<const Out*> addend = nullptr, std::type_identity_t<const Out*> bias = nullptr) {
  static_assert(std::same_as<T, Out> || std::same_as<Out, float>);
  const auto [rows, columns, depth] = shape;
  if (rows < 0 || columns < 0 || depth < 0) throw std::logic_error("a product's shape is negative");
  if (rows == 0 || columns == 0 || depth == 0) return;
  check_matrix("first factor", a.data, a.transposed ? rows : depth, a.leading);
  check_matrix("second factor", b.data, b.transposed ? depth : columns, b.leading);
  check_matrix("result", d, columns, leading);
  if (addend) check_matrix("addend", addend, columns, leading);
  if (bias) check_matrix("bias", bias, columns, columns);
  const auto bytes_of = [](const void* x) { return reinterpret_cast<const char*>(x); };
  for (const void* factor : {static_cast<const void*>(a.data), static_cast<const void*>(b.data)})
    if (bytes_of(factor) == bytes_of(d)) throw std::logic_error("a product's result overwrites one of its factors");

  // The rows of b^T lie along k, so that the inner loop runs over neighbours.
  std::vector<float> along(static_cast<std::size_t>(columns * depth)), row(static_cast<std::size_t>(depth));
  for (std::int64_t k = 0; k < depth; ++k)
    for (std::int64_t j = 0; j < columns; ++j)
      along[static_cast<std::size_t>(j * depth + k)] =
          static_cast<float>(b.data[b.transposed ? j * b.leading + k : k * b.leading + j]);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t k = 0; k < depth; ++k)
      row[static_cast<std::size_t>(k)] =
          static_cast<float>(a.data[a.transposed ? k * a.leading + i : i * a.leading + k]);
    for (std::int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k < depth; ++k)
        sum += double{row[static_cast<std::size_t>(k)]} * double{along[static_cast<std::size_t>(j * depth + k)]};
      if (addend) sum += double{static_cast<float>(addend[i * leading + j])};
      if (bias) sum += double{static_cast<float>(bias[j])};
      d[i * leading + j] = static_cast<Out>(static_cast<float>(sum));
    }
  }
}

}  // namespace longsky::cuda
