// tests/cpu/gemm_test.cpp — matrix products of every size, in every layout, against double precision.
#include <longsky/cpu/gemm.hpp>

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/reference.hpp"

#include <sys/mman.h>

#include <limits>
#include <tuple>
#include <type_traits>
#include <vector>

using namespace longsky;
using namespace longsky::test;
using cpu::Contiguous;

namespace {

template <class PrecisionPolicy, Contiguous LayoutA, Contiguous LayoutB>
struct Case {
  using Precision = PrecisionPolicy;
  static constexpr Contiguous A = LayoutA, B = LayoutB;
};
constexpr Contiguous along = Contiguous::along, across = Contiguous::across;
using Cases = std::tuple<Case<Fp32, along, along>, Case<Fp32, along, across>, Case<Fp32, across, across>,
                         Case<Bf16, along, along>, Case<Bf16, along, across>, Case<Bf16, across, across>>;

struct Size {
  std::int64_t m, n, k;
};
// One, sizes around the register block and the panel, sizes that divide nothing, more than one block of k.
const std::vector<Size> sizes{{1, 1, 1},     {1, 5, 3},     {6, 64, 16},  {7, 65, 17},   {5, 63, 15},   {13, 1, 33},
                              {1, 130, 129}, {40, 2, 1025}, {120, 97, 2}, {37, 71, 513}, {216, 1, 1535}};

// What an op must not read as a number: memory that it did not write.
void poison_scratch(cpu::Device& device) {
  for (const cpu::Scratch use : {cpu::Scratch::packed_a, cpu::Scratch::packed_b})
    std::fill_n(device.scratch(use, 1 << 18), 1 << 18, std::numeric_limits<float>::quiet_NaN());
}

template <class Case>
std::vector<float> multiply(int threads, Size s, const std::vector<float>& a, std::int64_t a_leading,
                            const std::vector<float>& b, std::int64_t b_leading) {
  cpu::Device device(threads);
  poison_scratch(device);
  Guarded c(s.m * s.n);
  cpu::gemm<typename Case::Precision, Case::A, Case::B>(device, s.m, s.n, s.k, a.data(), a_leading, b.data(), b_leading,
                                                        c.data(), s.n, {});
  CHECK(c.intact());
  return c.vector();
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a product is the sum of its terms", "[gemm]", Cases) {
  using Precision = typename TestType::Precision;
  constexpr bool a_along = TestType::A == along, b_along = TestType::B == along;
  for (const Size s : sizes)
    for (const std::int64_t gap : {0, 3}) {
      const std::int64_t a_leading = (a_along ? s.k : s.m) + gap, b_leading = (b_along ? s.k : s.n) + gap;
      const auto a = factors<Precision>(random_floats(a_leading * (a_along ? s.m : s.k), "a"));
      const auto b = factors<Precision>(random_floats(b_leading * (b_along ? s.n : s.k), "b"));
      const Exact want = product(
          s.m, s.n, s.k,
          [&](std::int64_t i, std::int64_t k) {
            return a[static_cast<std::size_t>(a_along ? i * a_leading + k : k * a_leading + i)];
          },
          [&](std::int64_t k, std::int64_t j) {
            return b[static_cast<std::size_t>(b_along ? j * b_leading + k : k * b_leading + j)];
          });
      CAPTURE(s.m, s.n, s.k, gap);
      const std::vector<float> got = multiply<TestType>(1, s, a, a_leading, b, b_leading);
      CHECK(close(got, want.value, want.scale, 4e-7));
    }
}

TEMPLATE_LIST_TEST_CASE("any number of threads gives the same bits", "[gemm]", Cases) {
  constexpr bool a_along = TestType::A == along, b_along = TestType::B == along;
  const Size s = GENERATE(Size{131, 197, 1100}, Size{301, 1050, 300});
  const auto a = random_floats(s.m * s.k, "a"), b = random_floats(s.n * s.k, "b");
  const std::int64_t a_leading = a_along ? s.k : s.m, b_leading = b_along ? s.k : s.n;
  const std::vector<float> one = multiply<TestType>(1, s, a, a_leading, b, b_leading);
  for (const int threads : {2, 3, 8}) CHECK(same_bits(one, multiply<TestType>(threads, s, a, a_leading, b, b_leading)));
}

TEST_CASE("what is added is added once, over blocks of k", "[gemm]") {
  const Size s = GENERATE(Size{7, 65, 20}, Size{9, 70, 1030});
  const auto a = random_floats(s.m * s.k, "a"), b = random_floats(s.n * s.k, "b");
  const auto bias = random_floats(s.n, "bias"), addend = random_floats(s.m * s.n, "addend");
  Exact want = product(
      s.m, s.n, s.k, [&](std::int64_t i, std::int64_t k) { return a[static_cast<std::size_t>(i * s.k + k)]; },
      [&](std::int64_t k, std::int64_t j) { return b[static_cast<std::size_t>(j * s.k + k)]; });
  for (std::int64_t i = 0; i < s.m * s.n; ++i) {
    want.add(i, double{addend[static_cast<std::size_t>(i)]});
    want.add(i, double{bias[static_cast<std::size_t>(i % s.n)]});
  }
  cpu::Device device(2);
  SECTION("an array beside C") {
    Guarded c(s.m * s.n);
    cpu::gemm<Fp32, along, along>(device, s.m, s.n, s.k, a.data(), s.k, b.data(), s.k, c.data(), s.n,
                                  {.addend = addend.data(), .bias = bias.data()});
    CHECK(close(c.span(), want.value, want.scale, 4e-7));
    CHECK(c.intact());
  }
  SECTION("C itself") {
    Guarded c(addend);
    cpu::gemm<Fp32, along, along>(device, s.m, s.n, s.k, a.data(), s.k, b.data(), s.k, c.data(), s.n,
                                  {.addend = c.data(), .bias = bias.data()});
    CHECK(close(c.span(), want.value, want.scale, 4e-7));
    CHECK(c.intact());
  }
}

TEST_CASE("portable and native bfloat16 agree to the rounding of sums", "[gemm]") {
  const std::int64_t k = 77;
  const auto x = random_floats(k, "x"), y = random_floats(k, "y");
  const auto dot = [&]<class Factors>(Factors) {
    std::vector<typename Factors::Element> a(static_cast<std::size_t>(k)),
        b(static_cast<std::size_t>(k * cpu::gemm_panel));
    Factors::copy_along(a.data(), x.data(), k);
    cpu::pack_panel<Factors, along>(b.data(), y.data(), k, k, 1);
    float c = std::numeric_limits<float>::quiet_NaN();
    const std::int64_t elements = (k + Factors::depth - 1) / Factors::depth;
    cpu::register_block_of<Factors, along>(1, {.depth = elements, .a = a.data(), .a_leading = elements, .b = b.data()},
                                           {&c, 1, nullptr, 0, nullptr, 1});
    return c;
  };
  const float portable = dot(cpu::RoundedFactors{}), native = dot(cpu::Bf16Factors{});
  CHECK(std::abs(portable - native) < 1e-5f);
  CHECK(std::abs(portable - dot(cpu::FloatFactors{})) > 0);  // the factors were rounded
}

TEST_CASE("rounding to bfloat16 is the storage type's", "[gemm]") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  std::vector<float> x = random_floats(99, "x");
  for (const float special : {0.0f, -0.0f, inf, -inf, 3.4e38f, 1.00390625f, 1.01171875f, std::nanf("")})
    x.push_back(special);
  std::vector<float> got(x.size());
  cpu::RoundedFactors::copy_along(got.data(), x.data(), static_cast<std::int64_t>(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    CAPTURE(i, x[i]);
    if (std::isnan(x[i]))
      CHECK(std::isnan(got[i]));
    else
      CHECK(got[i] == rounded_to_bf16(x[i]));
  }
}

TEST_CASE("offsets beyond 2^31 elements", "[gemm]") {
  // Address space, not memory: only the pages that are touched become real.
  const std::int64_t leading = (std::int64_t{1} << 31) + 40;
  const std::size_t bytes = static_cast<std::size_t>(leading + 4096) * sizeof(float);
  void* const space = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  REQUIRE(space != MAP_FAILED);
  auto* const far = static_cast<float*>(space);
  far[0] = 2, far[1] = 3;
  far[leading] = 5, far[leading + 1] = 7;
  const float near[4] = {10, 1, 100, 4};  // two rows of two
  float c[4] = {};
  cpu::Device device(1);
  SECTION("in A") {
    cpu::gemm<Fp32, along, along>(device, 2, 2, 2, far, leading, near, 2, c, 2, {});
    CHECK(std::vector<float>(c, c + 4) == std::vector<float>{23, 212, 57, 528});
  }
  SECTION("in A that lies across") {
    cpu::gemm<Fp32, across, across>(device, 2, 2, 2, far, leading, near, 2, c, 2, {});
    CHECK(std::vector<float>(c, c + 4) == std::vector<float>{520, 22, 730, 31});
  }
  SECTION("in B") {
    cpu::gemm<Fp32, along, along>(device, 2, 2, 2, near, 2, far, leading, c, 2, {});
    CHECK(std::vector<float>(c, c + 4) == std::vector<float>{23, 57, 212, 528});
  }
  SECTION("in C") {
    const float a[4] = {2, 3, 5, 7};
    cpu::gemm<Fp32, along, along>(device, 2, 2, 2, a, 2, near, 2, far, leading, {});
    CHECK(std::vector<float>{far[0], far[1], far[leading], far[leading + 1]} == std::vector<float>{23, 212, 57, 528});
  }
  munmap(space, bytes);
}
