// bench/merge.cpp — Google Benchmark's files in, one flat JSON object of fractions out.
//
//   merge OUT IN.json…
//
// A benchmark named `gemm.fp32.1core/…` reports a counter `fraction` (of a peak) or `ratio` (to a rival). The key is
// the name up to the first '/'; its value is the geometric mean over the benchmarks of that key, each the median of its
// repetitions.

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

int main(int argc, char** argv) try {
  if (argc < 3) throw std::runtime_error("usage: merge OUT IN.json…");
  std::map<std::string, std::map<std::string, std::vector<double>>> found;  // key → benchmark → repetitions
  for (int i = 2; i < argc; ++i) {
    std::ifstream file(argv[i]);
    if (file.peek() == std::ifstream::traits_type::eof()) continue;  // a program whose benchmarks were all filtered out
    const nlohmann::json results = nlohmann::json::parse(file);
    for (const nlohmann::json& run : results.at("benchmarks")) {
      if (run.value("run_type", "iteration") != "iteration") continue;
      if (run.value("error_occurred", false))
        throw std::runtime_error(run.at("name").get<std::string>() + ": " + run.value("error_message", ""));
      for (const char* counter : {"fraction", "ratio"})
        if (run.contains(counter)) {
          const std::string name = run.at("run_name");
          found[name.substr(0, name.find('/'))][name].push_back(run.at(counter).get<double>());
        }
    }
  }
  // All passes that are bound by memory, as one key.
  const auto all = found;
  for (const auto& [key, runs] : all)
    for (const char* pass : {"rmsnorm_", "rope_", "swiglu_", "adamw."})
      if (key.rfind(pass, 0) == 0) found["elementwise"].insert(runs.begin(), runs.end());
  nlohmann::json out = nlohmann::json::object();
  for (auto& [key, runs] : found) {
    double sum = 0;
    for (auto& [name, values] : runs) {
      std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
      sum += std::log(values[values.size() / 2]);
    }
    out[key] = std::round(1e4 * std::exp(sum / static_cast<double>(runs.size()))) / 1e4;
    std::cout << key << "  " << out[key] << "  (" << runs.size() << " benchmarks)\n";
  }
  std::ofstream file(argv[1]);
  file << out.dump(2) << '\n';
  if (!file.flush()) throw std::runtime_error(std::string("cannot write ") + argv[1]);
} catch (const std::exception& error) {
  std::cerr << "merge: " << error.what() << '\n';
  return 1;
}
