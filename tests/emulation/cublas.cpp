// tests/emulation/cublas.cpp — the few calls of cuBLASLt that longsky makes, on the CPU. Matrices are column-major, as
// its are.
//
// What cuBLASLt would refuse, or would compute without a word, is thrown as std::logic_error: shapes that do not fit,
// an array that is missing or less aligned than was promised, an algorithm that was found for another product.
#include "capture.hpp"
#include "runtime.hpp"

#include <longsky/core/half.hpp>

#include <cublasLt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace longsky::emulation {
// LONGSKY_EMULATED_SUMS=hardware, or unset: sums in double.
bool hardware_sums = [] {
  const char* const how = std::getenv("LONGSKY_EMULATED_SUMS");
  return how && std::string_view(how) == "hardware";
}();
int matmul_queries = 0;

namespace {

struct Layout {
  cudaDataType_t type;
  std::uint64_t rows, columns;
  std::int64_t leading;
  bool operator==(const Layout&) const = default;
};
struct Product {
  cublasComputeType_t compute;
  cudaDataType_t scale;
  cublasOperation_t a = CUBLAS_OP_N, b = CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void* bias = nullptr;
};
struct Preference {
  std::uint64_t workspace = 0;
  std::uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
  std::array<std::uint32_t, 4> alignment{256, 256, 256, 256};
};
/// What an algorithm was found for.
struct Algorithm {
  std::uint64_t rows, columns, depth, workspace;
  std::int64_t leading_a, leading_b, leading_d;
  std::uint32_t kind, alignment;
  bool operator==(const Algorithm&) const = default;
};

template <class Meaning, class Opaque>
Meaning read(const Opaque& from) {
  static_assert(sizeof(Meaning) <= sizeof(Opaque));
  Meaning meaning;
  std::memcpy(static_cast<void*>(&meaning), &from, sizeof meaning);
  return meaning;
}
template <class Opaque, class Meaning>
void write(Opaque& to, const Meaning& meaning) {
  static_assert(sizeof(Meaning) <= sizeof(Opaque));
  std::memcpy(&to, &meaning, sizeof meaning);
}
template <class Value>
void take(Value& to, const void* from, std::size_t size) {
  if (size != sizeof to) throw std::logic_error("cuBLASLt: an attribute of " + std::to_string(size) + " bytes");
  std::memcpy(&to, from, size);
}

void demand(bool holds, const std::string& wrong) {
  if (!holds) throw std::logic_error("cuBLASLt: " + wrong);
}

Algorithm algorithm_for(const Product& product, const Layout& a, const Layout& b, const Layout& d,
                        std::uint64_t workspace, std::uint32_t alignment) {
  const bool turned_a = product.a == CUBLAS_OP_T, turned_b = product.b == CUBLAS_OP_T;
  const std::uint64_t depth = turned_a ? a.rows : a.columns;
  demand((turned_a ? a.columns : a.rows) == d.rows, "A and D have other numbers of rows");
  demand((turned_b ? b.rows : b.columns) == d.columns, "B and D have other numbers of columns");
  demand((turned_b ? b.columns : b.rows) == depth, "A and B have other depths");
  for (const auto& [name, layout] : {std::pair<const char*, Layout>{"A", a}, {"B", b}, {"D", d}})
    demand(layout.leading >= static_cast<std::int64_t>(layout.rows), std::string(name) + " has columns of " +
                                                                         std::to_string(layout.rows) + " elements, " +
                                                                         std::to_string(layout.leading) + " apart");
  demand(a.type == b.type && (d.type == a.type || d.type == CUDA_R_32F), "types that do not go together");
  demand(product.compute == CUBLAS_COMPUTE_32F && product.scale == CUDA_R_32F, "sums are not float");
  const auto kind = static_cast<std::uint32_t>(turned_a) | static_cast<std::uint32_t>(turned_b) << 1 |
                    static_cast<std::uint32_t>(product.epilogue) << 2 | static_cast<std::uint32_t>(a.type) << 12 |
                    static_cast<std::uint32_t>(d.type) << 22;
  return {d.rows, d.columns, depth, workspace, a.leading, b.leading, d.leading, kind, alignment};
}

float element(const void* data, cudaDataType_t type, std::int64_t i) {
  return type == CUDA_R_32F ? static_cast<const float*>(data)[i]
                            : static_cast<float>(static_cast<const bf16*>(data)[i]);
}

/// The lines of op(matrix) along the depth, one after the other.
std::vector<float> lines(const void* data, const Layout& layout, bool along, std::uint64_t count, std::uint64_t depth) {
  std::vector<float> out;
  out.reserve(count * depth);
  for (std::uint64_t i = 0; i < count; ++i)
    for (std::uint64_t k = 0; k < depth; ++k)
      out.push_back(element(
          data, layout.type,
          static_cast<std::int64_t>(along ? k : i) + static_cast<std::int64_t>(along ? i : k) * layout.leading));
  return out;
}

}  // namespace
}  // namespace longsky::emulation

using namespace longsky::emulation;

namespace {

/// As tensor cores add: products of bfloat16 exactly, 16 of them at a time to a float that is cut, not rounded; the two
/// halves of the depth by two warps.
double sum_of_tensor_cores(const float* a, const float* b, std::uint64_t depth) {
  const auto cut = [](double x) {
    const auto rounded = static_cast<float>(x);
    return std::abs(double{rounded}) > std::abs(x) ? std::nextafter(rounded, 0.0f) : rounded;
  };
  float halves[2] = {};
  const std::uint64_t half = (depth / 2 + 15) / 16 * 16;
  for (std::uint64_t k = 0; k < depth; k += 16) {
    double group = 0;
    for (std::uint64_t i = k; i < std::min(depth, k + 16); ++i) group += double{a[i]} * double{b[i]};
    float& sum = halves[k >= half];
    sum = cut(double{sum} + group);
  }
  return double{halves[0] + halves[1]};
}

/// As threads add: floats, each product rounded with its sum, in four sums that are joined at the end.
double sum_of_threads(const float* a, const float* b, std::uint64_t depth) {
  float sums[4] = {};
  for (std::uint64_t k = 0; k < depth; ++k) sums[k % 4] = std::fma(a[k], b[k], sums[k % 4]);
  return double{(sums[0] + sums[2]) + (sums[1] + sums[3])};
}

}  // namespace

extern "C" {

const char* cublasLtGetStatusString(cublasStatus_t) { return "an error"; }
cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  *handle = nullptr;
  return devices == 0 ? CUBLAS_STATUS_NOT_INITIALIZED : CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t) { return CUBLAS_STATUS_SUCCESS; }

cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t product, std::size_t, cublasComputeType_t compute,
                                               cudaDataType_t scale) {
  write(*product, Product{compute, scale});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t of, cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t size) {
  auto product = read<Product>(*of);
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      take(product.a, value, size);
      break;
    case CUBLASLT_MATMUL_DESC_TRANSB:
      take(product.b, value, size);
      break;
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      take(product.epilogue, value, size);
      break;
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      take(product.bias, value, size);
      break;
    default:
      return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  write(*of, product);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t layout, std::size_t, cudaDataType type,
                                                 std::uint64_t rows, std::uint64_t columns, std::int64_t leading) {
  write(*layout, Layout{type, rows, columns, leading});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t preference, std::size_t) {
  write(*preference, Preference{});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t of,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
                                                    std::size_t size) {
  auto preference = read<Preference>(*of);
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      take(preference.workspace, value, size);
      break;
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      take(preference.reductions, value, size);
      break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      take(preference.alignment.at(static_cast<std::size_t>(attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES)),
           value, size);
      break;
    default:
      return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  write(*of, preference);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t of, cublasLtMatrixLayout_t a,
                                              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                                              cublasLtMatrixLayout_t d, cublasLtMatmulPreference_t preferred, int,
                                              cublasLtMatmulHeuristicResult_t results[], int* found) {
  ++matmul_queries;
  const auto product = read<Product>(*of);
  const auto preference = read<Preference>(*preferred);
  demand((preference.reductions & ~std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE}) == 0,
         "parts of a sum may be added in any order, or rounded");
  demand(read<Layout>(*c) == read<Layout>(*d), "C and D have other layouts");
  demand(product.epilogue != CUBLASLT_EPILOGUE_BIAS || product.bias, "a bias whose alignment is not known");
  const std::uint32_t alignment = preference.alignment[0];
  for (const std::uint32_t other : preference.alignment) demand(other == alignment, "alignments that differ");
  write(results[0].algo,
        algorithm_for(product, read<Layout>(*a), read<Layout>(*b), read<Layout>(*d), preference.workspace, alignment));
  results[0].workspaceSize = preference.workspace;
  results[0].state = CUBLAS_STATUS_SUCCESS;
  *found = 1;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t of, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t layout_a, const void* b, cublasLtMatrixLayout_t layout_b,
                              const void* beta, const void* c, cublasLtMatrixLayout_t layout_c, void* d,
                              cublasLtMatrixLayout_t layout_d, const cublasLtMatmulAlgo_t* algorithm, void* workspace,
                              std::size_t workspace_size, cudaStream_t stream) {
  longsky::emulation::note("a product", a, b, c, d, workspace, workspace_size);
  demand(stream != nullptr || !longsky::emulation::Capture::forbids(),
         "it is on the legacy stream, while another records");
  const auto product = read<Product>(*of);
  const auto of_a = read<Layout>(*layout_a), of_b = read<Layout>(*layout_b), of_c = read<Layout>(*layout_c),
             of_d = read<Layout>(*layout_d);
  const auto found = read<Algorithm>(*algorithm);
  demand(found == algorithm_for(product, of_a, of_b, of_d, workspace_size, found.alignment) && of_c == of_d,
         "the algorithm was found for another product");
  const bool has_bias = product.epilogue == CUBLASLT_EPILOGUE_BIAS;
  using Array = std::pair<const char*, const void*>;
  for (const auto& [name, data] : {Array{"A", a},
                                   {"B", b},
                                   {"C", c},
                                   {"D", d},
                                   {"the bias", has_bias ? product.bias : d},
                                   {"workspace", workspace}}) {
    demand(data != nullptr, std::string(name) + " is nullptr");
    demand(reinterpret_cast<std::uintptr_t>(data) % found.alignment == 0,
           std::string(name) + " does not begin on " + std::to_string(found.alignment) + " bytes");
  }
  demand(d != a && d != b, "D overwrites a factor");

  const double of_product = double{*static_cast<const float*>(alpha)},
               of_addend = double{*static_cast<const float*>(beta)};
  const auto line_a = lines(a, of_a, product.a == CUBLAS_OP_T, found.rows, found.depth);
  const auto line_b = lines(b, of_b, product.b == CUBLAS_OP_N, found.columns, found.depth);
  for (std::uint64_t j = 0; j < found.columns; ++j)
    for (std::uint64_t i = 0; i < found.rows; ++i) {
      const std::int64_t at = static_cast<std::int64_t>(i) + static_cast<std::int64_t>(j) * of_d.leading;
      const auto* const of_row = &line_a[i * found.depth];
      const auto* const of_column = &line_b[j * found.depth];
      double sum = 0;
      if (hardware_sums)
        sum = of_a.type == CUDA_R_32F ? sum_of_threads(of_row, of_column, found.depth)
                                      : sum_of_tensor_cores(of_row, of_column, found.depth);
      else
        for (std::uint64_t k = 0; k < found.depth; ++k) sum += double{of_row[k]} * double{of_column[k]};
      sum *= of_product;
      if (of_addend != 0) sum += of_addend * double{element(c, of_c.type, at)};
      if (has_bias) sum += double{element(product.bias, of_d.type, static_cast<std::int64_t>(i))};
      if (of_d.type == CUDA_R_32F)
        static_cast<float*>(d)[at] = static_cast<float>(sum);
      else
        static_cast<longsky::bf16*>(d)[at] = longsky::bf16(static_cast<float>(sum));
    }
  return CUBLAS_STATUS_SUCCESS;
}
}
