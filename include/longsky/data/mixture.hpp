// longsky/data/mixture.hpp — policies made of policies: by chance, by the stage's progress, by the sequence's number.
//
//   Mixture<Weighted<A, 65>, Weighted<B, 35>>     each sequence is A's with probability 0.65
//   Curriculum<Until<A, 40>, B>                   A's until 40 % of the stage is done, then B's
//   SideBySide<Weighted<A, 2>, Weighted<B, 1>>    of every three consecutive sequences two are A's, the last is B's
#pragma once

#include <longsky/data/corpus.hpp>
#include <longsky/data/weighted.hpp>

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

namespace longsky {

/// A policy whose sequences need attention across documents (chunk interleaving), so that no document mask fits.
template <class D>
concept CrossesDocuments = requires {
  requires D::crosses_documents;
};

template <class D>
constexpr bool has_questions() {
  return requires { requires D::answers_questions; };
}

template <class... Entries>
class Mixture {
 public:
  static constexpr bool crosses_documents = (CrossesDocuments<typename Entries::type> || ...);
  static constexpr bool answers_questions = (has_questions<typename Entries::type>() || ...);

  explicit Mixture(const Corpus& corpus) : parts_(typename Entries::type(corpus)...) {}

  void fill(Sequence out, Draw& draw) const {
    Choices<Entries...>::draw(draw.random, [&]<std::size_t I>() { std::get<I>(parts_).fill(out, draw); });
  }

 private:
  std::tuple<typename Entries::type...> parts_;
};

template <class... Entries>
class SideBySide {
 public:
  static constexpr bool crosses_documents = (CrossesDocuments<typename Entries::type> || ...);
  static constexpr bool answers_questions = (has_questions<typename Entries::type>() || ...);

  explicit SideBySide(const Corpus& corpus) : parts_(typename Entries::type(corpus)...) {}

  void fill(Sequence out, Draw& draw) const {
    const auto place = static_cast<int>(draw.index % static_cast<std::uint64_t>(Choices<Entries...>::total));
    Choices<Entries...>::visit(place, [&]<std::size_t I>() { std::get<I>(parts_).fill(out, draw); });
  }

 private:
  std::tuple<typename Entries::type...> parts_;
};

/// A policy that lasts until `Percent` of the stage is done.
template <class D, int Percent>
struct Until {
  static_assert(0 < Percent && Percent <= 100,
                "longsky: a curriculum's part lasts until 1 to 100 percent of the stage");
  using type = D;
  static constexpr int percent = Percent;
};

template <class D>
struct CurriculumPart : Until<D, 100> {};
template <class D, int Percent>
struct CurriculumPart<Until<D, Percent>> : Until<D, Percent> {};

/// The first part whose percentage is not reached yet; one without `Until` lasts to the end.
template <class... Parts>
class Curriculum {
  static constexpr bool ordered() {
    int last = 0;
    bool rising = true;
    ((rising = rising && CurriculumPart<Parts>::percent > last, last = CurriculumPart<Parts>::percent), ...);
    return rising && last == 100;
  }
  static_assert(ordered(), "longsky: a curriculum's parts end at rising percentages, the last one at 100");

 public:
  static constexpr bool crosses_documents = (CrossesDocuments<typename CurriculumPart<Parts>::type> || ...);
  static constexpr bool answers_questions = (has_questions<typename CurriculumPart<Parts>::type>() || ...);

  explicit Curriculum(const Corpus& corpus) : parts_(typename CurriculumPart<Parts>::type(corpus)...) {}

  void fill(Sequence out, Draw& draw) const {
    const double stage = draw.progress;
    double start = 0;
    const auto lasts = [&](double end) {
      const bool mine = end >= 1 || stage < end;
      if (mine) draw.progress = (stage - start) / (end - start);  // a part sees its own progress, 0 to 1
      start = end;
      return mine;
    };
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (void)((lasts(CurriculumPart<Parts>::percent / 100.0) ? (std::get<I>(parts_).fill(out, draw), true) : false) ||
             ...);
    }
    (std::index_sequence_for<Parts...>());
  }

 private:
  std::tuple<typename CurriculumPart<Parts>::type...> parts_;
};

}  // namespace longsky
