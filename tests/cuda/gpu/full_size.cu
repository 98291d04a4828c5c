// cuda/gpu/full_size.cu — every deterministic kernel fifty times at a size that fills the GPU, its bits compared; and
// attention in bfloat16 against attention in float.
//
//   full_size OUT repeat|against_float [RUNS]
//
// A line of JSON a case is added to OUT: before it runs, and what it found. A case that OUT speaks of is not run again,
// so that who starts the program anew after a crash gets the rest. Exit code 0: all passed; 1: some did not; 3: the GPU
// does nothing any more after an error, and cases are left.
#include "cuda/gpu/against_float.cuh"
#include "cuda/gpu/ops_at_size.cuh"

#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace longsky::test {

namespace {

void add_line(std::ofstream& out, const std::string& key, const char* state, std::vector<Json::Member> more) {
  std::vector<Json::Member> line{{"key", key}, {"state", state}};
  line.insert(line.end(), more.begin(), more.end());
  out << Json::object(line).text() << std::endl;
}

/// Says what it found on the terminal too.
bool run(cuda::AtomicDevice& device, const Case& one, int runs, std::ofstream& out) {
  const auto began = std::chrono::steady_clock::now();
  add_line(out, one.key, "began", {});
  std::vector<Json::Member> members;
  bool passed = false;
  try {
    const Outcome outcome = one.run(device, runs);
    passed = outcome.passed;
    for (const auto& [name, value] : outcome.figures) members.push_back({name, value});
  } catch (const std::exception& error) {
    members.push_back({"said", error.what()});
  }
  members.push_back({"seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()});
  add_line(out, one.key, passed ? "passed" : "failed", members);
  std::printf("%-44s %s", one.key.c_str(), passed ? "passed" : "FAILED");
  for (const Json::Member& m : members) std::printf("  %s %s", m.name.c_str(), m.value.text().c_str());
  std::printf("\n");
  std::fflush(stdout);
  return passed;
}

int run_all(int argc, char** argv) {
  const std::string_view kind = argc > 2 ? argv[2] : "";
  const int runs = argc > 3 ? std::atoi(argv[3]) : 50;
  if (argc < 3 || argc > 4 || runs < 2 || (kind != "repeat" && kind != "against_float")) {
    std::fprintf(stderr, "usage: full_size OUT repeat|against_float [RUNS]\n");
    return 2;
  }
  std::string known;
  if (std::filesystem::exists(argv[1])) known = read_file(argv[1]);
  std::ofstream out(argv[1], std::ios::app);
  cuda::AtomicDevice device;
  std::printf("%s\n", device.description().c_str());
  std::vector<Case> cases;
  if (kind == "repeat") {
    cases = cases_of_attention<FullSize>();
    for (Case& one : cases_of_ops<FullSize>()) cases.push_back(std::move(one));
  } else {
    cases = cases_against_float<FullSize>();
  }
  bool passed = true;
  for (const Case& one : cases) {
    if (known.find('"' + one.key + '"') != std::string::npos) continue;
    passed &= run(device, one, runs, out);
    if (cudaDeviceSynchronize() != cudaSuccess) return 3;
  }
  return passed ? 0 : 1;
}

}  // namespace

}  // namespace longsky::test

int main(int argc, char** argv) try { return longsky::test::run_all(argc, argv); } catch (const std::exception& error) {
  std::fprintf(stderr, "full_size: %s\n", error.what());
  return 1;
}
