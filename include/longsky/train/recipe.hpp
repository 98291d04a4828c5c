// longsky/train/recipe.hpp — what a recipe is: a model, its policies, and the stages its weights pass through.
//
//   struct Pretrain {
//     static constexpr StageSpec spec{.name = "pretrain", .context = 256, .sequences = 16, .steps = 200, .lr = 1e-3};
//     using Data = PackedDocuments<TextWindows>;
//     using Mask = WithinDocument<>;
//     using Position = Rope<RopeSpec{.base = 10'000}>;
//     using Objective = NextToken;
//     using Schedule = Cosine;
//   };
//   struct MyRecipe {
//     static constexpr ModelSpec model{…};
//     using Layers = longsky::Layers<Attention, FeedForward>;
//     using Precision = Fp32;
//     using Recompute = KeepActivations;
//     using Init = NormalInit<>;
//     using Optimizer = AdamW<>;
//     using Stages = StageList<Pretrain>;
//   };
#pragma once

#include <longsky/data/mixture.hpp>
#include <longsky/data/source.hpp>
#include <longsky/nn/decoder.hpp>
#include <longsky/optim/schedule.hpp>
#include <longsky/spec/mask.hpp>
#include <longsky/spec/model.hpp>
#include <longsky/spec/objective.hpp>
#include <longsky/spec/position.hpp>
#include <longsky/spec/precision.hpp>

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

namespace longsky {

/// The numbers of one stage.
struct StageSpec {
  const char* name = "";
  int context = 0;       ///< T, tokens of a sequence
  int sequences = 1;     ///< sequences of one pass (micro-batch)
  int accumulation = 1;  ///< passes of one optimizer step; the loss is divided once, by all their trained tokens
  int steps = 0;         ///< optimizer steps
  double lr = 1e-3;      ///< peak learning rate
  int warmup = 0;        ///< steps
  double floor = 0.1;    ///< the schedule's last fraction of the peak
  int positions = 0;     ///< data may give positions below this (gaps beyond the context); 0: context + 1

  constexpr int position_count() const { return positions > 0 ? positions : context + 1; }
  constexpr std::int64_t tokens_per_pass() const { return std::int64_t{context} * sequences; }
  constexpr std::int64_t tokens_per_step() const { return tokens_per_pass() * accumulation; }
};

template <class... Stages>
struct StageList {
  static constexpr std::size_t count = sizeof...(Stages);
};

namespace stage_error {
inline void every_size_must_be_positive(const char* /*stage*/) {}
inline void context_must_not_exceed_the_model(const char* /*stage*/, int /*context*/, int /*model_context*/) {}
inline void floor_is_a_fraction_of_the_peak(const char* /*stage*/) {}
inline void warmup_must_end_within_the_steps(const char* /*stage*/, int /*warmup*/, int /*steps*/) {}
}  // namespace stage_error

/// The spec itself, or a compile error named after the mistake.
constexpr StageSpec checked(StageSpec s, ModelSpec m) {
  if (s.context <= 0 || s.sequences <= 0 || s.accumulation <= 0 || s.steps <= 0 || !(s.lr > 0))
    stage_error::every_size_must_be_positive(s.name);
  if (s.context > m.context) stage_error::context_must_not_exceed_the_model(s.name, s.context, m.context);
  if (!(s.floor >= 0 && s.floor <= 1)) stage_error::floor_is_a_fraction_of_the_peak(s.name);
  if (s.warmup < 0 || s.warmup > s.steps) stage_error::warmup_must_end_within_the_steps(s.name, s.warmup, s.steps);
  return s;
}

/// A stage: names first, so that a missing one is reported by its name, then what each must be.
template <class S>
concept Stage = requires {
  S::spec;
  typename S::Data;
  typename S::Mask;
  typename S::Position;
  typename S::Objective;
  typename S::Schedule;
}
&&std::same_as<const StageSpec, decltype(S::spec)>&& DataPolicy<typename S::Data>&& MaskPolicy<typename S::Mask>&&
    PositionPolicy<typename S::Position>&& Objective<typename S::Objective>&& Schedule<typename S::Schedule>;

/// True for question-answer data whose answers alone should be trained.
template <class Data>
concept AnswersQuestions = requires {
  requires Data::answers_questions;
};

/// Combinations that make no sense do not compile.
template <Stage S>
consteval bool makes_sense() {
  static_assert(!(CrossesDocuments<typename S::Data> && S::Mask::isolates_documents),
                "longsky: interleaved chunks of a document must see each other; use Mask = Causal in this stage");
  static_assert(
      !(AnswersQuestions<typename S::Data> && S::Objective::trains(Role::prompt)),
      "longsky: questions and tables are prompts, only their answers are trained; use Objective = ResponseOnly");
  return true;
}

template <Stage... S>
consteval bool make_sense() {
  static_assert(sizeof...(S) > 0, "longsky: a recipe trains at least one stage; name it in StageList<...>");
  return (makes_sense<S>() && ...);
}

template <class List>
struct all_stages : std::false_type {};
template <Stage... S>
struct all_stages<StageList<S...>> : std::bool_constant<make_sense<S...>()> {};

/// A recipe: names first, then what each must be.
template <class R>
concept Recipe = requires {
  R::model;
  typename R::Layers;
  typename R::Precision;
  typename R::Recompute;
  typename R::Init;
  typename R::Optimizer;
  typename R::Stages;
}
&&std::same_as<const ModelSpec, decltype(R::model)>&& PrecisionPolicy<typename R::Precision>&&
    all_stages<typename R::Stages>::value;

/// What `Device` stores weights and activations in under a precision policy; the host's is float.
template <class Device, class Precision>
struct element_of {
  using type = typename Device::template Element<Precision>;
};
template <class Precision>
struct element_of<void, Precision> {
  using type = float;
};
template <class Device, class Precision>
using ElementOf = typename element_of<Device, Precision>::type;

/// The network of a recipe under one stage's mask.
template <class R, class Mask, class Element = float>
using NetOf = Net<R::model, typename R::Layers, Mask, typename R::Precision, typename R::Recompute, Element>;

/// The order of a recipe's parameters; neither masks nor elements change it.
template <class R>
using LayoutOf = WeightLayout<NetOf<R, Causal>>;

template <class List>
struct tuple_of;
template <class... S>
struct tuple_of<StageList<S...>> {
  using type = std::tuple<S...>;
};
/// The stages of a recipe as a tuple of types.
template <class R>
using StagesOf = typename tuple_of<typename R::Stages>::type;

/// The last stage's mask: what the finished model was trained under, and is evaluated with.
template <class R>
using FinalMask = typename std::tuple_element_t<R::Stages::count - 1, StagesOf<R>>::Mask;

/// Calls f.template operator()<Stage>(index) for every stage, in order.
template <class R, class F>
void for_each_stage(F&& f) {
  [&]<class... S>(StageList<S...>) {
    std::size_t i = 0;
    (f.template operator()<S>(i++), ...);
  }(typename R::Stages{});
}

}  // namespace longsky
