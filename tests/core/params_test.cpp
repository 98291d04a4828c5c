// tests/core/params_test.cpp — tables, the views laid over them, options, names and bfloat16.
#include "support/catch.hpp"

#include <longsky/core/buffer.hpp>
#include <longsky/core/half.hpp>
#include <longsky/core/options.hpp>
#include <longsky/core/params.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/spec/mask.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace longsky;

namespace sample {
struct Options {
  int max_wall = 3;
  std::string out = "runs";
};
}  // namespace sample
BOOST_HANA_ADAPT_STRUCT(sample::Options, max_wall, out);

namespace {

constexpr auto table = params("gain"_n = ones<3>, "w"_n = matrix<5, 7>, "bias"_n = zeros<17>, "x"_n = per_token<6>);
static_assert(table.count == 4);
static_assert(table.offsets_in<float> == std::array<std::int64_t, 5>{0, 16, 64, 96, 102});  // weights are padded to 16
static_assert(table.offsets_in<bf16> == table.offsets_in<float>);
constexpr auto activations = params("x"_n = per_token<6>, "r"_n = statistic<3>, "y"_n = per_token<2>);
static_assert(activations.offsets_in<float> == std::array<std::int64_t, 4>{0, 6, 9, 11});
static_assert(activations.offsets_in<bf16> == std::array<std::int64_t, 4>{0, 6, 12, 14});  // a float is two of them
static_assert(table.size == 102 && table.parameters == 3 + 35 + 17 + 6);
static_assert(decays(Kind::matrix) && decays(Kind::output) && !decays(Kind::ones) && !decays(Kind::zeros));
static_assert(Options<sample::Options>);
static_assert(type_name<Causal>() == "Causal" && type_name<WithinDocument<>>() == "WithinDocument<>");
static_assert(std::is_convertible_v<Rows<float, 4>, Rows<const float, 4>>);
static_assert(!std::is_convertible_v<Rows<const float, 4>, Rows<float, 4>>);
static_assert(rounded_to_bf16(1.0f) == 1.0f && rounded_to_bf16(1.00390625f) == 1.0f);  // halfway: to even
static_assert(rounded_to_bf16(1.01171875f) == 1.015625f);                              // halfway: to even, upwards

}  // namespace

TEST_CASE("a view finds what the table names, at the view's scale", "[core]") {
  Buffer<float> memory(static_cast<std::size_t>(table.size * 10));
  const View<std::remove_const_t<decltype(table)>> view{memory.data(), 10};
  CHECK(view["gain"_n] == memory.data());
  CHECK(view["w"_n] == memory.data() + 160);
  CHECK(view["x"_n] == memory.data() + 960);
  std::string names;
  table.for_each(
      [&](auto entry, std::int64_t at) { names += std::string(entry.name) + "@" + std::to_string(at) + " "; });
  CHECK(names == "gain@0 w@16 bias@64 x@96 ");
}

TEST_CASE("a statistic is float in a table of any type", "[core]") {
  Buffer<bf16> memory(static_cast<std::size_t>(activations.size_in<bf16> * 16));
  const View<std::remove_const_t<decltype(activations)>, bf16> view{memory.data(), 16};
  STATIC_REQUIRE(std::is_same_v<decltype(view["r"_n]), float*>);
  STATIC_REQUIRE(std::is_same_v<decltype(view["y"_n]), bf16*>);
  CHECK(static_cast<void*>(view["r"_n]) == memory.data() + 6 * 16);
  CHECK(view["y"_n] == memory.data() + 12 * 16);
}

TEST_CASE("options are walked by name, in order", "[core]") {
  sample::Options options;
  std::string seen;
  for_each_option(options, [&](std::string_view name, auto& value) {
    seen += std::string(name) + " ";
    if constexpr (std::is_same_v<std::remove_reference_t<decltype(value)>, int>) value = 9;
  });
  CHECK(seen == "max_wall out ");
  CHECK(options.max_wall == 9);
  CHECK(flag_of("max_wall") == "--max-wall");
}

TEST_CASE("bfloat16 rounds to nearest even and keeps what is not a number", "[core]") {
  for (float x : {0.0f, -0.0f, 1.5f, -3.25f, 1e30f, -1e-30f})
    CHECK(rounded_to_bf16(rounded_to_bf16(x)) == rounded_to_bf16(x));
  for (float x = -4; x < 4; x += 0.00731f) CHECK(std::abs(rounded_to_bf16(x) - x) <= std::abs(x) / 256);
  CHECK(std::isnan(rounded_to_bf16(std::numeric_limits<float>::quiet_NaN())));
  CHECK(std::isinf(rounded_to_bf16(std::numeric_limits<float>::infinity())));
  CHECK(std::isinf(rounded_to_bf16(std::numeric_limits<float>::max())));  // beyond the largest bfloat16
}

TEST_CASE("a buffer is aligned and starts at zero", "[core]") {
  const Buffer<float> buffer(1000);
  CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64 == 0);
  for (float x : buffer.span()) REQUIRE(x == 0);
  CHECK(Buffer<float>().data() == nullptr);
}
