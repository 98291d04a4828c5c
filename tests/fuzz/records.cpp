// tests/fuzz/records.cpp — run.json and evaluation.json, and the axis of a picture of what they say.
#include "fuzz/sealed.hpp"

#include <longsky/eval/axis.hpp>
#include <longsky/program/records.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  for (const std::string& file : fuzz::also_sealed(fuzz::text_of(data, size))) {
    const auto path = fuzz::file_of("record.json", file);
    fuzz::accepted([&] { read_record<RunRecord>(path); });
    fuzz::accepted([&] {
      for (const StagePerplexity& stage : read_record<EvaluationRecord>(path).evaluation.perplexity)
        ticks(axis_around(stage.curve.nll_mean, 0, 100, false, 10), 5);
    });
  }
  return 0;
}
