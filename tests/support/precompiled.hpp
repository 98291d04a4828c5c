// tests/support/precompiled.hpp — what most tests include, read once a build. Nothing of longsky: its headers include
// what they need, which the target header_alone checks without this file.
#pragma once

#include "support/catch.hpp"

#include <boost/hana.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>
