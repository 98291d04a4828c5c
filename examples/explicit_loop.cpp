// The training loop, spelled out: books become tokens, one stage trains on them, and the loop is yours to change.
//
//   build/native/examples/explicit_loop [data/corpus]        (scripts/corpus fetches the books)
#include <longsky/longsky.hpp>
#include <longsky/text/library.hpp>

#include <iostream>

namespace ls = longsky;
using namespace ls::literals;

struct Pretrain {
  static constexpr ls::StageSpec spec{
      .name = "pretrain", .context = 256, .sequences = 8, .steps = 200, .lr = 2e-3, .warmup = 20};
  using Data = ls::PackedDocuments<ls::TextWindows>;
  using Mask = ls::WithinDocument<>;
  using Position = ls::Rope<ls::RopeSpec{.base = 10'000}>;
  using Objective = ls::NextToken;
  using Schedule = ls::Cosine;
};
struct Recipe {
  static constexpr ls::ModelSpec model{
      .vocab = 2614, .layers = 4, .width = 128, .heads = 4, .kv_heads = 2, .ffn = 384, .context = 256};
  using Layers = ls::Layers<ls::Attention, ls::FeedForward>;
  using Precision = ls::Fp32;
  using Recompute = ls::KeepActivations;
  using Init = ls::NormalInit<>;
  using Optimizer = ls::AdamW<>;
  using Stages = ls::StageList<Pretrain>;
};
static_assert(ls::fits<Recipe>(256_MiB));

int main(int argc, char** argv) try {
  const auto [books, not_read] = ls::read_library(argc > 1 ? argv[1] : "data/corpus");
  for (const std::string& sentence : not_read) std::cerr << sentence << '\n';
  const std::string held_out = books.back().name;
  const ls::BytePair tokenizer = ls::make_tokenizer(books, held_out, Recipe::model.vocab);
  const ls::Corpus corpus = ls::make_corpus(tokenizer, books, held_out, /*seed=*/0);

  ls::cpu::Device device;  // every processor it was given; cpu::Device(1) gives the same bits
  ls::Weights<Recipe> weights(/*seed=*/0);
  ls::Trainer<Recipe, Pretrain, ls::cpu::Device> trainer(device, weights.span(), corpus, /*seed=*/0);
  while (!trainer.done()) {
    const ls::StepReport step = trainer.next();  // forward, backward, clip, AdamW
    if (step.step % 20 == 0)
      std::cout << "step " << step.step << "  loss " << step.loss << "  "
                << static_cast<double>(step.tokens) / step.seconds << " tokens/s\n";
  }
  ls::write_safetensors("explicit_loop.safetensors", ls::named_tensors<Recipe>(weights.span()), {});
  return std::cout.flush() ? 0 : 1;
} catch (const ls::Error& error) {
  std::cerr << error.what() << '\n';
  return static_cast<int>(error.code());
}
