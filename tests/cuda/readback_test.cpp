// tests/cuda/readback_test.cpp — a value comes back as it was when it was asked for; a step waits for no other.
#include "cuda/tiny_recipe.hpp"
#include "emulation/runtime.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"

#include <longsky/cuda.cuh>

namespace longsky::test {

namespace {

/// Data that ends with the twelfth sequence: with step 3.
struct RunsDry : UnevenText {
  using UnevenText::UnevenText;
  void fill(Sequence out, Draw& draw) const {
    if (draw.index >= 12) throw Error(ExitCode::failure, "there is no more of it");
    UnevenText::fill(out, draw);
  }
};
struct DryStage : TinyStage {
  using Data = RunsDry;
};

template <class S>
struct Training {
  cuda::Device device;
  Weights<TinyRecipe<Fp32>> weights{7};
  Trainer<TinyRecipe<Fp32>, S, cuda::Device> trainer;
  explicit Training(bool synchronous) : device(0, synchronous), trainer(device, weights.span(), no_corpus, 7) {}
};

}  // namespace

TEST_CASE("a value read back is what it was when it was asked for", "[cuda][emulation]") {
  cuda::Device device;
  cuda::Memory<double> there(1);
  cuda::Readback<double> readback(device);
  for (const double value : {1.5, 2.5}) {
    device.upload(there.data(), &value, 1);
    readback.begin(there.data());
    const double later = 7;
    device.upload(there.data(), &later, 1);
    CHECK(readback.take() == value);
    CHECK(readback.take() == value);
  }
}

TEST_CASE("steps queued ahead are those taken one by one", "[cuda][emulation][train]") {
  Training<TinyStage> ahead(false), alone(true);
  REQUIRE(ahead.device.runs_ahead());
  REQUIRE_FALSE(alone.device.runs_ahead());
  for (int step = 1; step <= TinyStage::spec.steps; ++step) {
    const StepReport a = ahead.trainer.next(), b = alone.trainer.next();
    CHECK(a.step == step);
    CHECK(a.loss == b.loss);
    CHECK(a.gradient_norm == b.gradient_norm);
    CHECK(a.lr == b.lr);
    CHECK(a.tokens == b.tokens);
    CHECK(a.trained == b.trained);
    if (step % 2 == 0) {  // a checkpoint between two steps is that of the first
      ahead.trainer.publish();
      alone.trainer.publish();
      CHECK(same_bits(copy_of(ahead.weights.span()), copy_of(alone.weights.span())));
    }
  }
}

TEST_CASE("a steady step waits for its own result alone", "[cuda][emulation][train]") {
  Training<TinyStage> t(false);
  t.trainer.next();
  t.trainer.next();
  const int waits = emulation::waits;
  t.trainer.next();
  t.trainer.next();
  CHECK(emulation::waits == waits);
}

TEST_CASE("data that fails ahead fails the step it belongs to", "[cuda][emulation][train]") {
  Training<DryStage> t(false);
  for (int step = 1; step <= 3; ++step) CHECK(t.trainer.next().step == step);
  for (int again = 0; again < 2; ++again)
    CHECK_THROWS_WITH(t.trainer.next(), Catch::Matchers::Contains("no more of it"));
  CHECK(t.trainer.step() == 3);
  t.trainer.publish();
}

}  // namespace longsky::test
