// tests/fuzz/utf8.cpp — UTF-8, sound or not.
#include "fuzz/harness.hpp"

#include <longsky/core/utf8.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  const std::string_view text = fuzz::text_of(data, size);
  const std::string sound = sound_utf8(text);
  fuzz::must(first_invalid_utf8(sound) == sound.size(), "what is made sound is sound");
  fuzz::must(first_invalid_utf8(text) < size || sound == text, "what is sound stays as it is");
  return 0;
}
