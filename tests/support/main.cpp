// tests/support/main.cpp — the main function of every test program, where Catch2's own is not compiled for its processor.
#define CATCH_CONFIG_MAIN
#include "support/catch.hpp"
