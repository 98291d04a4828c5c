// bench/merge.cpp — Google Benchmark's files in, one flat JSON object of fractions out.
//
//   merge OUT IN.json…
//
// A benchmark named `gemm.fp32.1core/…` reports a counter `fraction` (of a peak) or `ratio` (to a rival). The key is
// the name up to the first '/'; its value is the geometric mean over the benchmarks of that key, each the median of its
// repetitions.

#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

using longsky::Json;

int main(int argc, char** argv) try {
  if (argc < 3) throw std::runtime_error("usage: merge OUT IN.json…");
  std::map<std::string, std::map<std::string, std::vector<double>>> found;  // key → benchmark → repetitions
  for (int i = 2; i < argc; ++i) {
    const std::string text = longsky::read_file(argv[i]);
    if (text.empty()) continue;  // a program whose benchmarks were all filtered out
    std::string problem;
    const Json results = Json::parse(text, &problem);
    if (!results.is_object()) throw std::runtime_error(std::string(argv[i]) + ": " + problem);
    for (const Json& run : results.at("benchmarks").items()) {
      if (run["run_type"].get_or<std::string>("iteration") != "iteration") continue;
      if (run["error_occurred"].get_or(false))
        throw std::runtime_error(run.at("name").get<std::string>() + ": " +
                                 run["error_message"].get_or<std::string>(""));
      for (const char* counter : {"fraction", "ratio"})
        if (run.contains(counter)) {
          const auto name = run.at("run_name").get<std::string>();
          found[name.substr(0, name.find('/'))][name].push_back(run.at(counter).get<double>());
        }
    }
  }
  // All passes that are bound by memory, as one key.
  const auto all = found;
  for (const auto& [key, runs] : all)
    for (const char* pass : {"rmsnorm_", "rope_", "swiglu_", "adamw."})
      if (key.rfind(pass, 0) == 0) found["elementwise"].insert(runs.begin(), runs.end());
  std::vector<Json::Member> out;
  for (auto& [key, runs] : found) {
    double sum = 0;
    for (auto& [name, values] : runs) {
      std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
      sum += std::log(values[values.size() / 2]);
    }
    const double mean = std::round(1e4 * std::exp(sum / static_cast<double>(runs.size()))) / 1e4;
    out.push_back({key, mean});
    std::cout << key << "  " << mean << "  (" << runs.size() << " benchmarks)\n";
  }
  longsky::replace_file(argv[1], Json::object(out).text(2) + "\n");
} catch (const std::exception& error) {
  std::cerr << "merge: " << error.what() << '\n';
  return 1;
}
