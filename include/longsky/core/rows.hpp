// longsky/core/rows.hpp — a view of a matrix whose last axis the compiler knows.
#pragma once

#include <longsky/core/config.hpp>

#include <cstdint>
#include <type_traits>

namespace longsky {

/// `count` contiguous rows of `Width` elements. A view: it owns nothing.
template <class T, int Width>
struct Rows {
  static_assert(Width > 0, "longsky: a row must have at least one element");
  static constexpr int width = Width;

  T* data = nullptr;
  std::int64_t count = 0;

  LONGSKY_HD constexpr T* operator[](std::int64_t row) const { return data + row * Width; }
  LONGSKY_HD constexpr std::int64_t size() const { return count * Width; }
  LONGSKY_HD constexpr Rows slice(std::int64_t first, std::int64_t n) const { return {data + first * Width, n}; }

  LONGSKY_HD constexpr operator Rows<const T, Width>() const requires(!std::is_const_v<T>) { return {data, count}; }
};

/// Rows that are read; takes no part in deducing T.
template <class T, int Width>
using In = std::type_identity_t<Rows<const T, Width>>;

}  // namespace longsky
