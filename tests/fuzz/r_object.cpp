// tests/fuzz/r_object.cpp — one serialized object of R.
#include "fuzz/harness.hpp"

#include <longsky/text/r_object.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::accepted([&] { RReader(text, "it").text(); });
  fuzz::accepted([&] { RReader(text, "it").read(); });
  return 0;
}
