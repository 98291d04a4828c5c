// tests/core/crc32c_test.cpp — known answers of RFC 3720, B.4, and the two ways against each other.
#include "support/catch.hpp"

#include <longsky/core/crc32c.hpp>

#include <string>

using namespace longsky;

TEST_CASE("crc32c gives the known answers") {
  std::string ascending(32, '\0'), descending(32, '\0');
  for (int i = 0; i < 32; ++i) {
    ascending[static_cast<std::size_t>(i)] = static_cast<char>(i);
    descending[static_cast<std::size_t>(i)] = static_cast<char>(31 - i);
  }
  CHECK(crc32c("") == 0u);
  CHECK(crc32c("123456789") == 0xE3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAu);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62A8AB43u);
  CHECK(crc32c(ascending) == 0x46DD794Eu);
  CHECK(crc32c(descending) == 0x113FDB5Cu);
}

TEST_CASE("crc32c is the same by table, by instruction, and in pieces") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * i + i / 7);
  for (std::size_t n : {0, 1, 7, 8, 9, 63, 64, 65, 1000}) {
    const std::string part = text.substr(0, n);
    const auto bytes = std::as_bytes(std::span(part.data(), part.size()));
    CHECK(crc32c(part) == crc32c_by_table(bytes));
    for (std::size_t cut = 0; cut <= n; cut += 5)
      CHECK(crc32c(part.substr(cut), crc32c(part.substr(0, cut))) == crc32c(part));
  }
}

TEST_CASE("a masked checksum is a rotation and a constant") {
  CHECK(masked_crc32c(0u) == 0xa282ead8u);
  CHECK(masked_crc32c(0x8000u) == 0xa282ead9u);
  CHECK(masked_crc32c(1u) == 0xa284ead8u);
}
