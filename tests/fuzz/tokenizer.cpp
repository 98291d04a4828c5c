// tests/fuzz/tokenizer.cpp — tokenizer.json, and what the tokenizer makes of a text.
#include "fuzz/sealed.hpp"

#include <longsky/text/byte_pair.hpp>

#include <cstdint>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  const std::string_view text = fuzz::text_of(data, size);
  for (const std::string& file : fuzz::also_sealed(text))
    fuzz::accepted([&] {
      const BytePair tokenizer = BytePair::load(fuzz::file_of("tokenizer.json", file));
      std::vector<std::int32_t> ids;
      tokenizer.encode(text, ids);
      fuzz::must(tokenizer.decode(ids) == text, "what is encoded is decoded");
    });
  return 0;
}
