// tests/fuzz/duration.cpp — a duration, as --max-wall takes it.
#include "fuzz/harness.hpp"

#include <longsky/program/command_line.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::accepted([&] { fuzz::must(parse_duration(std::string(text)) >= 0, "a duration is not negative"); });
  return 0;
}
