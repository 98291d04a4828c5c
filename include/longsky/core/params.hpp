// longsky/core/params.hpp — one table per layer: name, shape, kind. Offsets, lookups and walks are derived from it.
//
// A table is laid over elements of one type T, the one that a device stores: float or bfloat16. Statistics are float
// all the same. A table of weights has scale 1; a table of activations has so many elements a token, and its scale is
// the number of tokens, rounded up to 16: every entry starts on 32 bytes.
#pragma once

#include <longsky/core/name.hpp>

#include <boost/hana/for_each.hpp>
#include <boost/hana/tuple.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace longsky {

namespace hana = boost::hana;

/// What a parameter is: how it starts, and whether weight decay applies to it.
enum class Kind {
  matrix,     ///< N(0, std^2), decays
  output,     ///< a matrix that writes to the residual stream: N(0, (std / sqrt(2 layers))^2), decays
  ones,       ///< a gain, does not decay
  zeros,      ///< a bias, does not decay
  per_token,  ///< an activation
  statistic   ///< of a token, float whatever an activation is stored in
};

constexpr bool decays(Kind kind) { return kind == Kind::matrix || kind == Kind::output; }

/// One row of a table: a vector (`Rows` = 1) or a row-major matrix of `Rows` x `Columns`.
template <FixedString Name, int RowCount, int ColumnCount, Kind K>
struct Entry {
  static constexpr std::string_view name = Name.view();
  static constexpr int rows = RowCount;
  static constexpr int columns = ColumnCount;
  static constexpr Kind kind = K;
  static constexpr std::int64_t size = std::int64_t{rows} * columns;

  /// What it takes of a table of T, in elements.
  template <class T>
  static constexpr std::int64_t room = kind == Kind::statistic   ? std::int64_t{sizeof(float) / sizeof(T)} * size
                                       : kind == Kind::per_token ? size
                                                                 : (size + 15) / 16 * 16;
};

template <int RowCount, int ColumnCount, Kind K>
struct Shape {};

template <int N, int K>
inline constexpr Shape<N, K, Kind::matrix> matrix{};
template <int N, int K>
inline constexpr Shape<N, K, Kind::output> output{};
template <int N>
inline constexpr Shape<1, N, Kind::ones> ones{};
template <int N>
inline constexpr Shape<1, N, Kind::zeros> zeros{};
template <int N>
inline constexpr Shape<1, N, Kind::per_token> per_token{};
template <int N>
inline constexpr Shape<1, N, Kind::statistic> statistic{};

/// `"wq"_n`: a name as a value of an empty type.
template <FixedString S>
struct Name {
  static constexpr std::string_view text = S.view();

  template <int R, int C, Kind K>
  constexpr Entry<S, R, C, K> operator=(Shape<R, C, K>) const {
    return {};
  }
};

inline namespace literals {
template <FixedString S>
constexpr Name<S> operator""_n() {
  return {};
}
}  // namespace literals

template <class Name>
struct no_parameter_is_called;  // named by the compiler's message; never defined

/// The table itself. An empty type: everything it knows is constexpr.
template <class... Entries>
struct ParameterTable {
  static constexpr std::size_t count = sizeof...(Entries);
  template <class T>
  static constexpr std::array<std::int64_t, count + 1> offsets_in = [] {
    std::array<std::int64_t, count + 1> at{};
    std::size_t i = 0;
    ((at[i + 1] = at[i] + Entries::template room<T>, ++i), ...);
    return at;
  }();
  /// Elements of T, padding included.
  template <class T>
  static constexpr std::int64_t size_in = offsets_in<T>[count];
  static constexpr std::int64_t size = size_in<float>;  ///< of a table of weights: the same for every T
  static constexpr std::int64_t parameters = (std::int64_t{0} + ... + Entries::size);

  // Names come as types: nvcc 13 cannot deduce the string of a Name<S> that an operator is called with.
  template <class Name>
  static consteval std::size_t index() {
    if constexpr (((Entries::name != Name::text) && ...)) {
      return sizeof(no_parameter_is_called<Name>);
    } else {
      std::size_t i = 0, found = 0;
      ((Entries::name == Name::text ? void(found = i) : void(), ++i), ...);
      return found;
    }
  }

  /// True for the name of a statistic.
  template <class Name>
  static constexpr bool is_statistic = ((Entries::name == Name::text && Entries::kind == Kind::statistic) || ...);

  /// Calls f(entry, offset) for every row, in order.
  template <class F>
  static constexpr void for_each(F&& f) {
    std::size_t i = 0;
    hana::for_each(hana::tuple<Entries...>{}, [&](auto entry) { f(entry, offsets_in<float>[i++]); });
  }
};

/// `params("norm"_n = ones<C>, "wq"_n = matrix<C, C>, …)`
template <class... Entries>
constexpr ParameterTable<Entries...> params(Entries...) {
  return {};
}

/// A table laid over memory: `view["wq"_n]` is where that entry starts. A view: it owns nothing.
template <class Table, class T = float>
struct View {
  T* base = nullptr;
  std::int64_t scale = 1;

  template <class Name>
  auto operator[](Name) const {
    constexpr std::size_t i = Table::template index<Name>();
    T* const at = base + Table::template offsets_in<T>[i] * scale;
    if constexpr (Table::template is_statistic<Name>)
      return reinterpret_cast<float*>(at);
    else
      return at;
  }
};

}  // namespace longsky
