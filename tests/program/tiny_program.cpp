// program/tiny_program.cpp — the tiny recipe on the CPU.
#include "tiny_recipe.hpp"

#include <longsky/longsky.hpp>
#include <longsky/program/program.hpp>

// What fontconfig keeps until the end is no leak of ours.
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig"; }

int main(int argc, char** argv) { return ls::program<Tiny, ls::cpu::Device>(argc, argv); }
