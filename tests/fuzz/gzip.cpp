// tests/fuzz/gzip.cpp — a gzip file or a zlib stream, members and padding.
#include "fuzz/harness.hpp"

#include <longsky/text/books.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::accepted([&] { fuzz::must(unzipped(text, "it").size() <= most_unpacked(size), "unpacking keeps its limit"); });
  return 0;
}
