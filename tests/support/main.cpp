// tests/support/main.cpp — the main function of every test program, compiled once.
#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"

// What fontconfig keeps until the end is no leak of ours.
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig"; }

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
