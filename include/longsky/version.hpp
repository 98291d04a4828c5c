// longsky/version.hpp — the one place that holds the version; the build reads it from here.
#pragma once

#include <string_view>

namespace longsky {

/// Semantic version of the library. Files written by a run carry it next to their own format version.
inline constexpr std::string_view version = "0.1.0";

}  // namespace longsky
