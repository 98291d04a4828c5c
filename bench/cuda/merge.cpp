// bench/cuda/merge.cpp — the files of bench_cuda and of torch_rivals.py in, one flat JSON object and a table out.
//
//   merge_cuda OUT IN.json…
//
// A key is a benchmark's name up to the first '/', such as cuda.attention.forward.d128.t16384 or its rival
// torch.flash.attention.forward.d128.t16384. Its value is TFLOP/s or GB/s; key.fraction is that over what the same
// process measured the GPU to do, key.spread the distance between the quartiles of the times over their median.

#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using longsky::Json;

struct Figure {
  double rate = 0, fraction = 0, spread = 0;
  bool product = false;
};
using Figures = std::map<std::string, Figure>;

/// TFLOP/s that attention shall reach on an H100 at 16 Ki tokens; passes bound by memory shall reach 0.85 of a copy.
const std::map<std::string, double> targets{{"cuda.attention.forward.d128.t16384", 330},
                                            {"cuda.attention.backward.d128.t16384", 250},
                                            {"cuda.attention.forward.d64.t16384", 280},
                                            {"cuda.attention.backward.d64.t16384", 220}};

/// Of the product measured beside it, what a whole step shall reach on an H100.
const std::map<std::string, double> step_targets{{"cuda.step.125m.t8192", 0.35}, {"cuda.step.1b.t32768", 0.40}};

void read(const std::string& path, Figures& figures) {
  const std::string text = longsky::read_file(path);
  Json results = Json::parse(text);
  if (!results.contains("benchmarks")) results = Json::parse(text + "]}");  // of a program that was stopped
  if (!results.contains("benchmarks")) {
    std::cout << path << ": no file of results, left out\n";
    return;
  }
  for (const Json& run : results["benchmarks"].items()) {
    const auto name = run.at("name").get<std::string>(), key = name.substr(0, name.find('/'));
    if (run["error_occurred"].get_or(false)) {
      std::cout << key << ": " << run["error_message"].get_or<std::string>("failed") << '\n';
      continue;
    }
    const bool product = run.contains("TFLOP/s");
    figures[key] = {run.at(product ? "TFLOP/s" : "GB/s").get<double>(), run["fraction"].get_or(0.0),
                    run["spread"].get_or(0.0), product};
  }
}

/// The best rival at the shape of `key`: its name and figure.
Figures::const_iterator rival_of(const std::string& key, const Figures& figures) {
  auto best = figures.end();
  if (!key.starts_with("cuda.")) return best;
  const std::string shape = key.substr(key.find('.'));
  for (auto it = figures.begin(); it != figures.end(); ++it)
    if (it->first.starts_with("torch.") && it->first.ends_with(shape) &&
        (best == figures.end() || it->second.rate > best->second.rate))
      best = it;
  return best;
}

void print_row(const std::string& key, const Figure& figure, const Figures& figures) {
  std::printf("%-44s %8.1f %-8s", key.c_str(), figure.rate, figure.product ? "TFLOP/s" : "GB/s");
  if (figure.fraction > 0) std::printf(" %5.2f +- %.2f", figure.fraction, figure.spread);
  if (const auto target = targets.find(key); target != targets.end())
    std::printf("  target on an H100 %.0f: %s", target->second, figure.rate >= target->second ? "reached" : "missed");
  else if (const auto target = step_targets.find(key); target != step_targets.end())
    std::printf("  target on an H100 %.2f: %s", target->second,
                figure.fraction >= target->second ? "reached" : "missed");
  else if (!figure.product && figure.fraction > 0)
    std::printf("  target 0.85: %s", figure.fraction >= 0.85 ? "reached" : "missed");
  if (const auto rival = rival_of(key, figures); rival != figures.end())
    std::printf("  %.2f times %s", figure.rate / rival->second.rate,
                rival->first.substr(0, rival->first.find('.', 6)).c_str());
  std::printf("\n");
}

double rounded(double x) { return std::round(1e4 * x) / 1e4; }

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) throw std::runtime_error("usage: merge_cuda OUT IN.json…");
  Figures figures;
  for (int i = 2; i < argc; ++i) read(argv[i], figures);
  std::vector<Json::Member> out;
  for (const auto& [key, figure] : figures) {
    out.push_back({key, rounded(figure.rate)});
    if (figure.fraction > 0) out.push_back({key + ".fraction", rounded(figure.fraction)});
    if (figure.fraction > 0) out.push_back({key + ".spread", rounded(figure.spread)});
    print_row(key, figure, figures);
  }
  longsky::replace_file(argv[1], Json::object(out).text(2) + "\n");
} catch (const std::exception& error) {
  std::cerr << "merge_cuda: " << error.what() << '\n';
  return 1;
}
