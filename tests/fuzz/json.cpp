// tests/fuzz/json.cpp — a JSON text, and one with a seal.
#include "fuzz/harness.hpp"

#include <longsky/core/json.hpp>
#include <longsky/core/sealed_json.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  const std::string_view text = fuzz::text_of(data, size);
  std::string problem;
  const Json value = Json::parse(text, &problem);
  if (problem.empty() && (value.is_object() || value.is_array()))
    for (const int indent : {0, 2})
      fuzz::must(Json::parse(value.text(indent)) == value, "what is written reads the same");
  const Json unsealed = parse_sealed(text, &problem);
  fuzz::must(unsealed.is_null() || unsealed.is_object(), "what is sealed is an object");
  return 0;
}
