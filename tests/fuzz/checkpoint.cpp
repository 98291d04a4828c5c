// tests/fuzz/checkpoint.cpp — the marker COMPLETE of a checkpoint, and its state.json.
#include "fuzz/harness.hpp"

#include <longsky/io/checkpoint.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t half = text.find('\0');
  const auto marker = fuzz::file_of("checkpoint/COMPLETE", text.substr(0, half));
  fuzz::file_of("checkpoint/state.json", half == text.npos ? std::string_view() : text.substr(half + 1));
  fuzz::accepted([&] {
    fuzz::must(read_checkpoint_state(open_checkpoint(marker.parent_path())).is_object(), "a state is an object");
  });
  return 0;
}
