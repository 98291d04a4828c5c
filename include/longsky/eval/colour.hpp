// longsky/eval/colour.hpp — the colours of pictures: a scale and a set of lines that colour-blind readers can tell
// apart.
#pragma once

#include <longsky/core/finite_math.hpp>
#include <longsky/core/number_text.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace longsky {

/// Red, green, blue in one number, as in #rrggbb.
struct Colour {
  std::uint32_t rgb = 0;
  constexpr int channel(int i) const { return static_cast<int>(rgb >> (16 - 8 * i) & 0xff); }
  friend constexpr bool operator==(Colour, Colour) = default;
};

/// "#rrggbb"
inline std::string hex(Colour c) { return "#" + hex_text(c.rgb & 0xffffff, 6); }

/// 0 … 1 from dark to light (viridis: even in lightness, also without colour; van der Walt and Smith, 2015).
inline Colour viridis(double x) {
  constexpr std::array<std::uint32_t, 11> points = {0x440154, 0x482475, 0x414487, 0x355f8d, 0x2a788e, 0x21918c,
                                                    0x22a884, 0x44bf70, 0x7ad151, 0xbddf26, 0xfde725};
  const double at = std::clamp(std::isnan(x) ? 0.0 : x, 0.0, 1.0) * 10;
  const int i = std::min(9, static_cast<int>(at));
  std::uint32_t rgb = 0;
  for (int c = 0; c < 3; ++c) {
    const double low = Colour{points[static_cast<std::size_t>(i)]}.channel(c);
    const double high = Colour{points[static_cast<std::size_t>(i) + 1]}.channel(c);
    rgb = rgb << 8 | static_cast<std::uint32_t>(std::lround(low + (high - low) * (at - i)));
  }
  return {rgb};
}

/// How light a colour looks, 0 … 1 (Rec. 709 weights).
inline double lightness(Colour c) {
  return (0.2126 * c.channel(0) + 0.7152 * c.channel(1) + 0.0722 * c.channel(2)) / 255;
}

/// A colour with a role: what it is on paper, and on a dark screen.
struct Ink {
  std::string_view role;
  Colour light, dark;
};

namespace ink {
inline constexpr Ink paper{"paper", {0xffffff}, {0x16181c}};
inline constexpr Ink text{"text", {0x1f2328}, {0xe6e8eb}};
inline constexpr Ink muted{"muted", {0x656d76}, {0x9aa3ad}};
inline constexpr Ink grid{"grid", {0xe3e6ea}, {0x30343a}};

/// The lines of a chart (Okabe and Ito's palette, lightened for the dark).
inline constexpr std::array<Ink, 6> lines = {{{"line0", {0x0072b2}, {0x56b4e9}},
                                              {"line1", {0xd55e00}, {0xff8a3d}},
                                              {"line2", {0x009e73}, {0x2fc79a}},
                                              {"line3", {0xb5558d}, {0xe29bc3}},
                                              {"line4", {0xb07c00}, {0xe6b53c}},
                                              {"line5", {0x5a5f66}, {0xb4bac2}}}};
}  // namespace ink

}  // namespace longsky
