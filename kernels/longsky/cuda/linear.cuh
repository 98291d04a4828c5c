// longsky/cuda/linear.cuh — a linear layer and its two gradients. W is [N, K], a row per output, as every framework has
// it.
//
//   y = x W^T + bias + residual      dx = dy W      dW += dy^T x      dbias += column sums of dy
//
// All arrays begin on 16 bytes. So do all rows where N and K are multiples of 8, which is what tensor cores are fed by.
#pragma once

#include <longsky/core/rows.hpp>
#include <longsky/cuda/column_sums.cuh>
#include <longsky/cuda/elementwise.cuh>
#include <longsky/cuda/matmul.cuh>
#include <longsky/spec/precision.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace longsky::cuda {

/// In what type a precision policy keeps the factors of a product.
template <PrecisionPolicy Precision>
using ElementOf = Device::Element<Precision>;

namespace kernel {

/// y += bias + residual where they are of another type than y; either may be nullptr.
template <class T, int N>
struct AddTerms {
  float* y;
  const T *bias, *residual;
  __device__ void operator()(std::int64_t i) const {
    if (bias) y[i] += static_cast<float>(bias[i % N]);
    if (residual) y[i] += static_cast<float>(residual[i]);
  }
};

}  // namespace kernel

/// y = x W^T + bias + residual. `bias` [N] and `residual` [rows, N] may be nullptr; `residual` may be y itself.
template <PrecisionPolicy Precision, int N, int K, class Y, class U, class T = std::remove_const_t<U>>
void linear_forward(Device& device, Rows<Y, N> y, Rows<U, K> x, const std::type_identity_t<T>* w,
                    const std::type_identity_t<T>* bias, const std::type_identity_t<T>* residual) {
  static_assert(std::same_as<T, ElementOf<Precision>>, "longsky: the precision policy decides the type of the factors");
  const auto product = [&](const Y* addend, const Y* of_bias) {
    matmul(device, {x.count, N, K}, Factor<T>{x.data, K}, Factor<T>{w, K, true}, y.data, N, addend, of_bias);
  };
  if constexpr (std::same_as<Y, T>) {
    product(residual, bias);
  } else {
    product(nullptr, nullptr);
    if (bias || residual) for_each(device, y.size(), kernel::AddTerms<T, N>{y.data, bias, residual});
  }
}

/// dx = dy W, overwriting dx.
template <PrecisionPolicy Precision, int N, int K, class T>
void linear_backward_input(Device& device, Rows<T, K> dx, In<T, N> dy, const std::type_identity_t<T>* w) {
  static_assert(std::same_as<T, ElementOf<Precision>>, "longsky: the precision policy decides the type of the factors");
  matmul(device, {dx.count, K, N}, Factor<T>{dy.data, N}, Factor<T>{w, K}, dx.data, K);
}

/// dw [N, K] += dy^T x, and dbias [N], where it is not nullptr, += the sums of dy's columns. cuBLASLt's own epilogue
/// for those overwrites instead of adding.
template <PrecisionPolicy Precision, int N, int K, class U, class U2>
void linear_backward_weight(Device& device, float* dw, float* dbias, Rows<U, N> dy, Rows<U2, K> x) {
  using T = std::remove_const_t<U>;
  static_assert(std::same_as<T, ElementOf<Precision>>, "longsky: the precision policy decides the type of the factors");
  static_assert(std::same_as<T, std::remove_const_t<U2>>, "longsky: both factors of a product have one type");
  matmul(device, {N, K, dy.count}, Factor<T>{dy.data, N, true}, Factor<T>{x.data, K}, dw, K, dw);
  if (dbias) add_column_sums(device, dbias, dy);
}

}  // namespace longsky::cuda
