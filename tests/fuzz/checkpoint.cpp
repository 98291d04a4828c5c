// tests/fuzz/checkpoint.cpp — the marker COMPLETE of a checkpoint or, behind a zero, its state.json under a right
// marker.
#include "fuzz/harness.hpp"

#include <longsky/io/checkpoint.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  const std::string_view text = fuzz::text_of(data, size);
  const bool is_state = text.starts_with('\0');
  const std::string_view state = is_state ? text.substr(1) : std::string_view("{}");
  CheckpointManifest manifest{1, {}};
  manifest.digests[2] = {state.size(), crc32c(state)};
  const std::string complete = is_state ? manifest.text() : std::string(text);
  const auto marker = fuzz::file_of("checkpoint/COMPLETE", complete);
  fuzz::file_of("checkpoint/state.json", state);
  fuzz::accepted([&] {
    fuzz::must(read_checkpoint_state(open_checkpoint(marker.parent_path())).is_object(), "a state is an object");
  });
  return 0;
}
