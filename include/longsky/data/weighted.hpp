// longsky/data/weighted.hpp — a choice among types by whole-number weights.
#pragma once

#include <longsky/core/random.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace longsky {

/// `T`, drawn `Weight` times as often as something of weight 1.
template <class T, int Weight>
struct Weighted {
  static_assert(Weight > 0, "longsky: a weight must be positive; leave the entry out instead");
  using type = T;
  static constexpr int weight = Weight;
};

/// Weighted types, for policies that choose among several (formats of a table, tasks, documents).
template <class... Entries>
struct Choices {
  static_assert(sizeof...(Entries) > 0, "longsky: a choice needs at least one Weighted<T, weight>");
  static constexpr int total = (0 + ... + Entries::weight);

  /// Calls visit.template operator()<index>() for the entry in which `ticket`, out of [0, total), falls.
  template <class Visit>
  static void visit(int ticket, Visit&& visit) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      int left = ticket;
      (void)((left < Entries::weight ? (visit.template operator()<I>(), true) : (left -= Entries::weight, false)) ||
             ...);
    }
    (std::index_sequence_for<Entries...>());
  }

  template <class Visit>
  static void draw(Random& random, Visit&& visit) {
    Choices::visit(static_cast<int>(random.below(static_cast<std::uint32_t>(total))), visit);
  }

  template <std::size_t I>
  using entry = typename std::tuple_element_t<I, std::tuple<Entries...>>::type;
};

}  // namespace longsky
