// tests/fuzz/records.cpp — run.json and evaluation.json, and the axis of a picture of what they say.
#include "fuzz/sealed.hpp"

#include <longsky/eval/axis.hpp>
#include <longsky/program/records.hpp>

#include <cmath>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  for (const std::string& file : fuzz::also_sealed(fuzz::text_of(data, size))) {
    const auto path = fuzz::file_of("record.json", file);
    fuzz::accepted([&] { read_record<RunRecord>(path); });
    fuzz::accepted([&] {
      std::vector<double> perplexities;
      for (const StagePerplexity& stage : read_record<EvaluationRecord>(path).evaluation.perplexity)
        for (const double nll : stage.curve.nll_mean) perplexities.push_back(std::exp(nll));
      ticks(axis_around(perplexities, 0, 100, false, 6), 5);
    });
  }
  return 0;
}
