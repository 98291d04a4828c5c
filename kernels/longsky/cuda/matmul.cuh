// longsky/cuda/matmul.cuh — products of matrices by cuBLASLt. Nobody else includes it.
//
//   d[i][j] = sum over k of a(i, k) b(k, j) + addend[i][j] + bias[j]
//
// Factors are float or bfloat16, sums float (never TF32); the result is rounded once, when it is stored. Matrices are
// row-major. cuBLASLt's are column-major, where the same memory is the transposed matrix: it is asked for
// d^T = b^T a^T. What it answers for a shape is kept, so a steady step asks nothing; partial sums of one element are
// added in float and in one order, so the bits are the same in every run.
#pragma once

#include <longsky/core/half.hpp>
#include <longsky/cuda/device.cuh>

#include <cublasLt.h>

#include <compare>
#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>

namespace longsky::cuda {

/// A factor as it lies in memory: row-major, `leading` elements from a row to the next. Where it is `transposed`, the
/// rows in memory are the columns of the factor.
template <class T>
struct Factor {
  const T* data;
  std::int64_t leading;
  bool transposed = false;
};

/// d = a b + addend + bias is [rows, columns]; a is [rows, depth], b [depth, columns].
struct MatmulShape {
  std::int64_t rows, columns, depth;
  auto operator<=>(const MatmulShape&) const = default;
};

/// The shape of a product and all else that decides how it is computed.
struct MatmulKey {
  MatmulShape shape;
  std::int64_t leading_a, leading_b, leading_d;
  bool transposed_a, transposed_b, rounded_factors, rounded_result, has_bias;
  auto operator<=>(const MatmulKey&) const = default;
};

/// How cuBLASLt computes one key.
struct MatmulPlan {
  cublasLtMatmulDescOpaque_t product;
  cublasLtMatrixLayoutOpaque_t a, b, d;
  cublasLtMatmulAlgo_t algorithm;
};

/// The library's handle, and the plans made so far.
class MatmulPlans {
 public:
  static constexpr std::int64_t workspace = std::int64_t{32} << 20;  // bytes; what NVIDIA recommends for Hopper

  MatmulPlans() { check(cublasLtCreate(&handle_), "start"); }
  MatmulPlans(const MatmulPlans&) = delete;
  MatmulPlans& operator=(const MatmulPlans&) = delete;
  ~MatmulPlans() { cublasLtDestroy(handle_); }

  cublasLtHandle_t handle() const { return handle_; }

  /// Throws Error when a call of cuBLASLt failed; `asked` completes "cuBLASLt could not …".
  static void check(cublasStatus_t status, const std::string& asked) {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    std::string remedy;
    ExitCode code = ExitCode::failure;
    if (status == CUBLAS_STATUS_NOT_INITIALIZED || status == CUBLAS_STATUS_ARCH_MISMATCH) {
      code = ExitCode::no_device;
      remedy = "; a GPU of compute capability 8.0 or more and the toolkit's own libcublasLt are needed";
    } else if (status == CUBLAS_STATUS_ALLOC_FAILED) {
      code = ExitCode::does_not_fit;
      remedy = "; the `plan` command lists what a recipe needs, nvidia-smi what other programs hold";
    } else if (status == CUBLAS_STATUS_NOT_SUPPORTED) {
      remedy = "; it has no algorithm for this shape: choose widths that are multiples of 8";
    }
    throw Error(code, "cuBLASLt could not " + asked + ": " + cublasLtGetStatusString(status) + remedy);
  }

  /// What a product asks for, to complete the sentence of an error.
  static std::string words(MatmulShape shape) {
    return "multiply [" + std::to_string(shape.rows) + ", " + std::to_string(shape.depth) + "] by [" +
           std::to_string(shape.depth) + ", " + std::to_string(shape.columns) + "]";
  }

  /// The plan of a product; `bias` tells cuBLASLt the alignment of all of them.
  MatmulPlan& plan(const MatmulKey& key, const void* bias) {
    const auto [place, is_new] = plans_.try_emplace(key);
    if (is_new) try {
        make(place->second, key, bias);
      } catch (...) {
        plans_.erase(place);
        throw;
      }
    return place->second;
  }

 private:
  void make(MatmulPlan& plan, const MatmulKey& key, const void* bias) {
    const auto [rows, columns, depth] = key.shape;
    const std::string asked = words(key.shape);
    check(cublasLtMatmulDescInit(&plan.product, CUBLAS_COMPUTE_32F, CUDA_R_32F), asked);
    const auto set = [&](cublasLtMatmulDescAttributes_t attribute, const auto& value) {
      check(cublasLtMatmulDescSetAttribute(&plan.product, attribute, &value, sizeof value), asked);
    };
    // Its first factor is b^T: as the memory lies, unless b was already the transpose of it.
    set(CUBLASLT_MATMUL_DESC_TRANSA, key.transposed_b ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, key.transposed_a ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, key.has_bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT);
    if (key.has_bias) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);

    const auto layout = [&](cublasLtMatrixLayoutOpaque_t& of, bool rounded, bool transposed, std::int64_t down,
                            std::int64_t across, std::int64_t leading) {
      const auto long_side = static_cast<std::uint64_t>(transposed ? across : down);
      const auto contiguous = static_cast<std::uint64_t>(transposed ? down : across);
      check(cublasLtMatrixLayoutInit(&of, rounded ? CUDA_R_16BF : CUDA_R_32F, contiguous, long_side, leading), asked);
    };
    layout(plan.a, key.rounded_factors, key.transposed_a, rows, depth, key.leading_a);
    layout(plan.b, key.rounded_factors, key.transposed_b, depth, columns, key.leading_b);
    layout(plan.d, key.rounded_result, false, rows, columns, key.leading_d);

    cublasLtMatmulPreferenceOpaque_t preference;
    check(cublasLtMatmulPreferenceInit(&preference), asked);
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
      check(cublasLtMatmulPreferenceSetAttribute(&preference, attribute, &value, sizeof value), asked);
    };
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<std::uint64_t>(workspace));
    // Partial sums go to the workspace as float and are added by one thread each, not in the order in which they come.
    prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
    for (const auto attribute :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      prefer(attribute, std::uint32_t{16});

    cublasLtMatmulHeuristicResult_t best;
    int found = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(handle_, &plan.product, &plan.b, &plan.a, &plan.d,
                                                                 &plan.d, &preference, 1, &best, &found);
    check(status, asked);
    check(found == 0 ? CUBLAS_STATUS_NOT_SUPPORTED : best.state, asked);
    plan.algorithm = best.algo;
  }

  cublasLtHandle_t handle_ = nullptr;
  std::map<MatmulKey, MatmulPlan> plans_;
};

/// Queues d = a b + addend + bias. `addend` has the layout of d, may be d, and may be nullptr, as `bias` may; a bias is
/// of the type of the result. All arrays begin on 16 bytes. An empty depth leaves d as it is.
template <class Out, class T>
void matmul(Device& device, MatmulShape shape, Factor<T> a, Factor<T> b, Out* d, std::int64_t leading,
            std::type_identity_t<const Out*> addend = nullptr, std::type_identity_t<const Out*> bias = nullptr) {
  static_assert(std::same_as<T, Out> || std::same_as<Out, float>,
                "longsky: a product is of its factors' type or float");
  if (shape.rows == 0 || shape.columns == 0 || shape.depth == 0) return;
  auto& plans = device.own<MatmulPlans>();
  const MatmulKey key{shape,
                      a.leading,
                      b.leading,
                      leading,
                      a.transposed,
                      b.transposed,
                      std::same_as<T, bf16>,
                      std::same_as<Out, bf16>,
                      bias != nullptr};
  MatmulPlan& plan = plans.plan(key, bias);
  const auto checked = [&](cublasStatus_t status) {
    if (status != CUBLAS_STATUS_SUCCESS) MatmulPlans::check(status, MatmulPlans::words(shape));
  };
  if (bias)
    checked(cublasLtMatmulDescSetAttribute(&plan.product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias));
  const float one = 1, of_addend = addend ? 1.0f : 0.0f;
  checked(cublasLtMatmul(plans.handle(), &plan.product, &one, b.data, &plan.b, a.data, &plan.a, &of_addend,
                         addend ? addend : d, &plan.d, d, &plan.d, &plan.algorithm,
                         device.scratch(Scratch::matmul, MatmulPlans::workspace), MatmulPlans::workspace,
                         device.stream()));
  if (device.synchronous()) check(cudaStreamSynchronize(device.stream()), MatmulPlans::words(shape));
}

}  // namespace longsky::cuda
