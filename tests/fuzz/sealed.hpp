// tests/fuzz/sealed.hpp — bytes with the checksum that a reader asks for first, so that it looks further.
#pragma once

#include "fuzz/harness.hpp"

#include <longsky/core/json.hpp>
#include <longsky/core/sealed_json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace longsky::fuzz {

/// The bytes; and where they are a JSON object, the same object with its checksum.
inline std::vector<std::string> also_sealed(std::string_view text) {
  std::vector<std::string> files{std::string(text)};
  accepted([&] { files.push_back(sealed_text(Json::parse(text), 1) + "\n"); });
  return files;
}

}  // namespace longsky::fuzz
