// tests/support/golden.hpp — cases in tests/golden/: what code that nobody here wrote makes of small inputs.
#pragma once

#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>

#include <string>
#include <vector>

namespace longsky::test {

/// The `cases` of tests/golden/<name>.json. Throws Error where there are none.
inline std::vector<Json> golden(const std::string& name) {
  const std::string path = std::string(LONGSKY_GOLDEN_DIR) + '/' + name + ".json";
  std::string problem;
  const std::vector<Json> cases = Json::parse(read_file(path), &problem)["cases"].items();
  if (cases.empty()) throw Error(ExitCode::corrupt, path + " has no cases: " + problem);
  return cases;
}

}  // namespace longsky::test
