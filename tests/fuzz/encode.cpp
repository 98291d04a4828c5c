// tests/fuzz/encode.cpp — a text through a tokenizer without merges and one with some.
#include "fuzz/harness.hpp"

#include <longsky/text/byte_pair.hpp>

#include <cstdint>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  const std::string_view text = fuzz::text_of(data, size);
  constexpr auto id = [](char c) { return BytePair::first_byte + c; };
  static const BytePair tokenizers[] = {
      BytePair(),
      BytePair({{id(0x61), id(0x61)}, {id(0x20), id(0x61)}, {BytePair::first_merge, BytePair::first_merge}})};
  for (const BytePair& tokenizer : tokenizers) {
    std::vector<std::int32_t> ids;
    tokenizer.encode(text, ids);
    fuzz::must(tokenizer.decode(ids) == text, "what is encoded is decoded");
  }
  return 0;
}
