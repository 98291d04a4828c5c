// tests/support/catch.hpp — Catch2, version 2 or 3. Tests keep to what both have.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
