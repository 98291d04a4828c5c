// tests/fuzz/harness.hpp — what the harnesses share. Each file here feeds one reader with bytes that nobody wrote: it
// may refuse them with an Error, and do nothing else that a reader of a hostile file must not do.
//
// LLVMFuzzerTestOneInput is libFuzzer's name. The program that replays the corpus gives each harness another one.
#pragma once

#include "support/scratch_directory.hpp"

#include <longsky/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace longsky::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Runs a reader; whether it took what it was given. An exception that is no Error ends the program.
template <class Read>
bool accepted(const Read& read) {
  try {
    read();
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// Ends the program where a reader's promise is broken.
inline void must(bool kept, const char* promise) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

/// A file of that name with these bytes, in a directory of this process.
inline std::filesystem::path file_of(const std::string& name, std::string_view bytes) {
  static const ScratchDirectory scratch;
  const std::filesystem::path path = scratch / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

}  // namespace longsky::fuzz
