// train/trainer_test.cpp — a step is a function of (recipe, seed, step, weights, optimizer state) and of nothing else.
#include "support/catch.hpp"
#include "support/close.hpp"
#include "train/small_recipe.hpp"

#include <longsky/core/signals.hpp>

#include <cmath>
#include <limits>
#include <memory>
#include <tuple>
#include <vector>

using namespace longsky;
using namespace longsky::test;
using Catch::Matchers::Contains;

namespace {

const Corpus no_corpus;

/// A trainer with the device and the weights it works on.
template <Stage S = SmallStage, Recipe R = SmallRecipe>
struct Training {
  cpu::Device device;
  Weights<R> weights;
  std::unique_ptr<Trainer<R, S, cpu::Device>> trainer;

  explicit Training(int threads, StageChanges changes = {}, std::uint64_t seed = 7) : device(threads), weights(seed) {
    trainer = std::make_unique<Trainer<R, S, cpu::Device>>(device, weights.span(), no_corpus, seed, changes);
  }
  std::vector<double> run(int steps) {
    std::vector<double> losses;
    for (int i = 0; i < steps; ++i) {
      const StepReport report = trainer->next();
      losses.push_back(report.loss);
      losses.push_back(report.gradient_norm);
    }
    return losses;
  }
  std::vector<float> values() const { return copy_of(weights.span()); }
  std::vector<float> moments() const {
    std::vector<float> both = copy_of(trainer->optimizer().m.span());
    const auto v = trainer->optimizer().v.host();
    both.insert(both.end(), v.begin(), v.end());
    return both;
  }
};

struct OneByTwo : SmallStage {
  static constexpr StageSpec spec{.name = "small", .context = 64, .sequences = 2, .steps = 6, .lr = 1};
};
struct TwoByOne : SmallStage {
  static constexpr StageSpec spec{
      .name = "small", .context = 64, .sequences = 1, .accumulation = 2, .steps = 6, .lr = 1};
};
/// An update of g / (|g| + 1), so that weights after it are as near as the gradients are.
struct Smooth : SmallRecipe {
  using Optimizer = AdamW<AdamWSpec{.beta1 = 0, .beta2 = 0, .eps = 1, .weight_decay = 0, .clip_norm = 0}>;
};

/// Draws what the stage's progress says, and refuses at sequence 9.
struct ProgressText : UnevenText {
  using UnevenText::UnevenText;
  void fill(Sequence out, Draw& draw) const {
    if (draw.index == 9) throw Error(ExitCode::usage, "no ninth sequence");
    UnevenText::fill(out, draw);
    std::fill(out.tokens.begin(), out.tokens.end(), static_cast<std::int32_t>(draw.progress * 63));
  }
};
struct ProgressOneByTwo : OneByTwo {
  using Data = ProgressText;
};
struct ProgressTwoByOne : TwoByOne {
  using Data = ProgressText;
};

/// Each sequence has another mistake.
struct WrongText : UnevenText {
  using UnevenText::UnevenText;
  void fill(Sequence out, Draw& draw) const {
    UnevenText::fill(out, draw);
    switch (draw.index) {
      case 0:
        out.tokens[30] = -3;
        break;
      case 1:
        out.tokens.back() = 64;
        break;  // never read, only predicted
      case 2:
        out.positions[5] = 65;
        break;
      case 3:
        out.documents[60] = 0;
        break;
    }
  }
};
struct WrongStage : SmallStage {
  static constexpr StageSpec spec{.name = "wrong", .context = 64, .sequences = 1, .steps = 6, .lr = 1};
  using Data = WrongText;
};

/// Nothing is trained.
struct SilentText : UnevenText {
  using UnevenText::UnevenText;
  void fill(Sequence out, Draw& draw) const {
    UnevenText::fill(out, draw);
    std::fill(out.roles.begin(), out.roles.end(), Role::silent);
  }
};
struct SilentStage : SmallStage {
  using Data = SilentText;
};

/// One token in the first half of the stage, random ones after.
struct OneTokenFirst : UnevenText {
  using UnevenText::UnevenText;
  void fill(Sequence out, Draw& draw) const {
    UnevenText::fill(out, draw);
    if (draw.progress < 0.5) std::fill(out.tokens.begin(), out.tokens.end(), 1);
  }
};
/// Nothing is trained in the first half.
struct SilentFirst : UnevenText {
  using UnevenText::UnevenText;
  void fill(Sequence out, Draw& draw) const {
    UnevenText::fill(out, draw);
    if (draw.progress < 0.5) std::fill(out.roles.begin(), out.roles.end(), Role::silent);
  }
};
template <class D>
struct ChangingStage : SmallStage {
  static constexpr StageSpec spec{.name = "changing", .context = 64, .sequences = 2, .steps = 100, .lr = 3e-3};
  using Data = D;
};

/// A guard that has seen calm steps alone, and none that is like those of an untrained model.
SpikeGuard calm_guard() {
  SpikeGuard calm;
  for (int i = 0; i < SpikeGuard::window; ++i) {
    calm.losses.push_back(0.1 + 1e-4 * i);
    calm.norms.push_back(0.01 + 1e-5 * i);
  }
  return calm;
}

}  // namespace

TEST_CASE("a stop in the middle of a step leaves everything as it was, and the step can be done again", "[threads]") {
  Training<> undisturbed(2), stopped(2);
  const std::vector<double> expected = undisturbed.run(4);
  std::vector<double> losses = stopped.run(2);
  const std::vector<float> weights = stopped.values(), moments = stopped.moments();
  {
    const StopSignals signals;
    raise(SIGTERM);
    for (int i = 0; i < 2; ++i) {
      try {
        stopped.trainer->next();
        FAIL("a pass went on after the stop");
      } catch (const Error& error) {
        CHECK(error.code() == ExitCode::stopped);
      }
    }
    CHECK(stopped.trainer->step() == 2);
    CHECK(stopped.values() == weights);
    CHECK(stopped.moments() == moments);
  }
  const std::vector<double> rest = stopped.run(2);
  losses.insert(losses.end(), rest.begin(), rest.end());
  CHECK(losses == expected);
  CHECK(stopped.values() == undisturbed.values());
}

TEST_CASE("training has the same bits for 1, 2, 3 and 8 threads", "[train][threads]") {
  Training<> one(1);
  const std::vector<double> losses = one.run(6);
  for (int threads : {2, 3, 8}) {
    Training<> other(threads);
    CHECK(other.run(6) == losses);
    CHECK(same_bits(other.values(), one.values()));
  }
  CHECK(losses[10] != losses[0]);
}

TEST_CASE("stopped after any step and resumed with other threads, the bits are the same", "[train][threads]") {
  Training<> whole(2);
  const std::vector<double> losses = whole.run(6);
  for (int stop = 0; stop < 6; ++stop) {
    Training<> before(stop % 2 + 1);
    std::vector<double> seen = before.run(stop);
    Training<> after(stop % 3 + 1, {}, 7);
    const auto copy = [](std::span<const float> from, std::span<float> to) {
      std::copy(from.begin(), from.end(), to.begin());
    };
    copy(before.weights.span(), after.weights.span());
    copy(before.trainer->optimizer().m.span(), after.trainer->optimizer().m.span());
    copy(before.trainer->optimizer().v.host(), after.trainer->optimizer().v.span());
    after.trainer->restore(before.trainer->state());
    CHECK(after.trainer->step() == stop);
    const std::vector<double> rest = after.run(6 - stop);
    seen.insert(seen.end(), rest.begin(), rest.end());
    CHECK(seen == losses);
    CHECK(same_bits(after.values(), whole.values()));
    CHECK(after.trainer->tokens() == whole.trainer->tokens());
    CHECK(after.trainer->done());
  }
}

TEST_CASE("another seed is another run") {
  Training<> a(1), b(1, {}, 8);
  CHECK(a.run(1) != b.run(1));
}

TEST_CASE("accumulation counts tokens: two passes of one sequence are one pass of two") {
  Training<OneByTwo, Smooth> together(2);
  Training<TwoByOne, Smooth> apart(2);
  for (int step = 0; step < 3; ++step) {
    const std::vector<float> start = together.values();
    const StepReport a = together.trainer->next(), b = apart.trainer->next();
    // The first sequence of a step trains 5 tokens, the second all 63 that a document's border does not hide.
    CHECK(a.trained == 5 + 63);
    CHECK(b.trained == a.trained);
    CHECK(b.tokens == a.tokens);
    CHECK(b.loss == Approx(a.loss).epsilon(1e-6));
    CHECK(b.gradient_norm == Approx(a.gradient_norm).epsilon(1e-5));
    const std::vector<float> one = together.values(), other = apart.values();
    std::vector<float> got(start.size());
    std::vector<double> want(start.size());
    for (std::size_t i = 0; i < start.size(); ++i) want[i] = one[i] - start[i], got[i] = other[i] - start[i];
    CHECK(std::any_of(want.begin(), want.end(), [](double x) { return std::abs(x) > 1e-2; }));
    CHECK(longsky::test::close(got, want, 1e-4));
    std::copy(one.begin(), one.end(), apart.weights.span().begin());
  }
}

TEST_CASE("passes of one step are at one progress of the stage, and what data throws comes out of its step") {
  Training<ProgressOneByTwo, Smooth> together(1);
  Training<ProgressTwoByOne, Smooth> apart(1);
  for (int step = 0; step < 4; ++step)
    CHECK(together.trainer->next().loss == Approx(apart.trainer->next().loss).epsilon(1e-4));
  const std::vector<float> kept = apart.values();
  REQUIRE_THROWS_WITH(apart.trainer->next(), Contains("no ninth sequence"));  // its second pass
  CHECK(same_bits(apart.values(), kept));
  REQUIRE_THROWS_WITH(together.trainer->next(), Contains("no ninth sequence"));
}

TEST_CASE("a mistake of a data policy is a sentence, not an index out of bounds") {
  const char* sentences[] = {"token -3; expected 0 to 63", "token 64; expected 0 to 63",
                             "position 65; expected 0 to 64", "document 0 behind document 1"};
  for (int i = 0; i < 4; ++i) {
    Training<WrongStage> t(1);
    t.trainer->restore({i, 0, 0, {}});
    const std::vector<float> kept = t.values();
    REQUIRE_THROWS_WITH(t.trainer->next(), Contains(sentences[i]) && Contains("stage wrong"));
    CHECK(same_bits(t.values(), kept));
  }
}

TEST_CASE("a loss that is not a number ends the run and touches nothing") {
  Training<> t(2);
  t.run(2);
  t.weights.span()[5 * 32] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> kept = t.values(), moments = t.moments();
  try {
    t.run(3);
    FAIL("the step was taken");
  } catch (const Error& e) {
    CHECK(e.code() == ExitCode::diverged);
    CHECK_THAT(e.what(), Contains("step 3 of stage small") && Contains("--lr-scale"));
  }
  CHECK(same_bits(t.values(), kept));
  CHECK(same_bits(t.moments(), moments));
  CHECK(t.trainer->step() == 2);
}

TEST_CASE("a spike is skipped and counted") {
  Training<> t(1), plain(1);
  t.trainer->restore({0, 0, 0, calm_guard()});
  const std::vector<float> kept = t.values();
  const StepReport report = t.trainer->next();
  CHECK(report.skipped);
  CHECK(same_bits(t.values(), kept));
  CHECK(t.trainer->state().guard.skipped == 1);
  CHECK(t.trainer->state().guard.losses.value[SpikeGuard::window - 1] == report.loss);
  CHECK(t.trainer->step() == 1);  // its data is used up
  CHECK(!plain.trainer->next().skipped);
  CHECK(plain.values() != kept);
  CHECK(plain.trainer->state().guard.losses.count == 1);
}

TEST_CASE("a run that skips step after step ends with a code of its own, before the last of them counts") {
  Training<> t(1);
  SpikeGuard guard = calm_guard();
  guard.in_a_row = SpikeGuard::most_in_a_row - 1;
  t.trainer->restore({2, 512, 40, guard});
  const std::vector<float> kept = t.values();
  for (int tries = 0; tries < 2; ++tries) try {
      t.trainer->next();
      FAIL("the step was counted");
    } catch (const Error& e) {
      CHECK(e.code() == ExitCode::stalled);
      CHECK_THAT(e.what(), Contains("32 steps in a row were spikes") && Contains("step 3 of stage small") &&
                               Contains("look at the data of these steps") && Contains("--lr-scale"));
    }
  CHECK(same_bits(t.values(), kept));
  CHECK(t.trainer->step() == 2);
  CHECK(t.trainer->state().guard.losses == guard.losses);
}

TEMPLATE_TEST_CASE("a stage whose data changes half way is trained to its end", "[train]", OneTokenFirst, SilentFirst) {
  Training<ChangingStage<TestType>> t(1);
  int skipped = 0;
  while (t.trainer->step() < 50) t.trainer->next();
  const std::vector<float> half_way = t.values();
  double first = 0, last = 0;
  while (!t.trainer->done()) {
    const StepReport report = t.trainer->next();
    skipped += report.skipped;
    if (report.step == 51) first = report.loss;
    last = report.loss;
  }
  CHECK(skipped <= SpikeGuard::outliers + 1);
  CHECK(t.values() != half_way);
  CHECK(last < first);
}

TEST_CASE("a step in which nothing is trained moves nothing, and has no loss") {
  Training<SilentStage> t(1);
  const std::vector<float> kept = t.values();
  const StepReport report = t.trainer->next();
  CHECK(report.trained == 0);
  CHECK(std::isnan(report.loss));  // the mean of nothing
  CHECK(std::isnan(report.gradient_norm));
  CHECK(!report.skipped);
  CHECK(t.trainer->state().guard.losses.count == 0);
  CHECK(same_bits(t.values(), kept));
}

TEST_CASE("a stage that ends without a trained token is an error, not a finished stage") {
  Training<SilentStage> t(1);
  for (int i = 0; i < 5; ++i) t.trainer->next();
  try {
    t.trainer->next();
    FAIL("the stage ended well");
  } catch (const Error& e) {
    CHECK(e.code() == ExitCode::usage);
    CHECK_THAT(e.what(),
               Contains("stage small") && Contains("6 steps") && Contains("no token") && Contains("objective"));
  }
}

TEST_CASE("steps and learning rates can be changed without a rebuild") {
  Training<> plain(1), changed(1, {.steps = 3, .lr_scale = 0.5, .position = RopeSpec{.base = 50}});
  CHECK(changed.trainer->steps() == 3);
  const StepReport a = plain.trainer->next(), b = changed.trainer->next();
  CHECK(a.lr == Approx(0.5e-2));  // half way up the warm-up
  CHECK(b.lr == Approx(0.5e-2));  // its warm-up is half as long, and over
  CHECK(a.loss != b.loss);        // another rotary base is another network
  changed.run(2);
  CHECK(changed.trainer->done());
}
