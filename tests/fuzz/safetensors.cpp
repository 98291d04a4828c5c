// tests/fuzz/safetensors.cpp — a safetensors file: its header, and the bytes of a tensor.
#include "fuzz/harness.hpp"

#include <longsky/io/safetensors.hpp>

#include <array>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::accepted([&] {
    const auto path = fuzz::file_of("model.safetensors", text);
    const SafetensorsHeader header = read_safetensors_header(path);
    for (const TensorEntry& entry : header.tensors)
      fuzz::must(entry.begin <= entry.end && entry.end <= size, "a tensor lies in its file");
  });
  return 0;
}
