// tests/fuzz/metrics.cpp — metrics.jsonl, as the report reads it.
#include "fuzz/harness.hpp"

#include <longsky/eval/loss_curve.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::accepted([&] {
    for (const LossCurve& curve : read_loss_curves(fuzz::file_of("metrics.jsonl", text), [](const std::string&) {}))
      fuzz::must(curve.steps.size() == curve.losses.size(), "each loss has its step");
  });
  return 0;
}
