// tests/program/build_test.cpp — a program knows its own build.
#include "support/catch.hpp"

#include <longsky/program/build.hpp>

#include <cstdlib>
#include <string>

using namespace longsky;
using Catch::Matchers::Contains;

TEST_CASE("a build has words for the reader and a checksum of its own code") {
  CHECK_THAT(build_text(), Contains("longsky " + std::string(version)) && Contains(__VERSION__) && Contains(", code "));
  CHECK(build_text() == build_text());
  static const int here = 1;
  const std::uint32_t own = build::code_checksum(&here);
  CHECK(own != 0);
  // Another loaded file has another.
  CHECK(build::code_checksum(reinterpret_cast<const void*>(&std::abort)) != 0);
  int on_the_stack = 0;  // in no loaded file: nothing to read
  CHECK(build::code_checksum(&on_the_stack) == 0);
}
