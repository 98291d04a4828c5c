// core/number_text_test.cpp — numbers and text: what printf writes in the C locale, and no other byte.
#include "support/catch.hpp"

#include <longsky/core/number_text.hpp>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

using namespace longsky;

namespace {

std::string printed(const char* format, int precision, double x) {
  char text[512];
  std::snprintf(text, sizeof text, format, precision, x);
  return text;
}

}  // namespace

TEST_CASE("numbers are what printf writes") {
  std::vector<double> numbers = {0.0,   -0.0,  0.5,  1.5,    2.5,     0.125, -1,
                                 99.95, 999.5, 1e-5, 123456, 1234567, 1e22,  1e-300};
  for (const double x :
       {double{INFINITY}, -double{INFINITY}, double{NAN}, 1e308, std::numeric_limits<double>::denorm_min()})
    numbers.push_back(x);
  std::uint64_t state = 1;
  for (int i = 0; i < 2000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    numbers.push_back(std::ldexp(static_cast<double>(state >> 11), static_cast<int>(state % 120) - 100));
  }
  for (const double x : numbers)
    for (const int precision : {0, 1, 2, 3, 6, 17}) {
      if (fixed_text(x, precision) != printed("%.*f", precision, x) ||
          general_text(x, precision) != printed("%.*g", precision, x) ||
          scientific_text(x, precision) != printed("%.*e", precision, x)) {
        CAPTURE(x, precision);
        CHECK(fixed_text(x, precision) == printed("%.*f", precision, x));
        CHECK(general_text(x, precision) == printed("%.*g", precision, x));
        CHECK(scientific_text(x, precision) == printed("%.*e", precision, x));
      }
    }
  CHECK(shortest_text(0.1) == "0.1");
  CHECK(shortest_text(~std::uint64_t{0}) == "18446744073709551615");
}

TEST_CASE("columns and hexadecimal digits are as wide as asked for, or wider") {
  CHECK(right_aligned("12", 4) == "  12");
  CHECK(right_aligned("12345", 4) == "12345");
  CHECK(hex_text(0xa1fu, 4) == "0a1f");
  CHECK(hex_text(0x12345u, 4) == "12345");
}

TEST_CASE("a number is the whole of a text") {
  CHECK(number_in<double>("1.5") == 1.5);
  CHECK(number_in<double>("-2e3") == -2000.0);
  CHECK(number_in<int>("-7") == -7);
  CHECK(number_in<std::uint64_t>("18446744073709551615") == ~std::uint64_t{0});
  for (const char* wrong : {"", " 1", "1 ", "1,5", "1.5x", "+1", "0x10", "1e999"}) CHECK(!number_in<double>(wrong));
  CHECK(!number_in<std::uint64_t>("-1"));
  CHECK(!number_in<std::uint64_t>("18446744073709551616"));
  CHECK(!number_in<int>("2147483648"));
}
