// longsky/core/name.hpp — names as types, so that a misspelt parameter is a compile error.
#pragma once

#include <longsky/core/macros.hpp>

#include <cstddef>
#include <string_view>

namespace longsky {

/// A string that can be a template argument.
template <std::size_t N>
struct FixedString {
  char text[N]{};
  constexpr FixedString(const char (&s)[N]) {
    for (std::size_t i = 0; i < N; ++i) text[i] = s[i];
  }
  constexpr std::string_view view() const { return {text, N - 1}; }
  friend constexpr bool operator==(const FixedString&, const FixedString&) = default;
};

/// The short name of a type as the compiler spells it, without the library's namespace.
template <class T>
constexpr std::string_view type_name() {
#if defined(__clang__) || defined(__GNUC__)
  constexpr std::string_view text = __PRETTY_FUNCTION__;
  constexpr std::size_t start = text.find("T = ") + 4;
  constexpr std::size_t end = text.find_first_of(";]", start);
  std::string_view name = text.substr(start, end - start);
  if (name.substr(0, 9) == "longsky::") name.remove_prefix(9);
  return name;
#else
  return "a type";
#endif
}

}  // namespace longsky
