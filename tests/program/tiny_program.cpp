// program/tiny_program.cpp — the tiny recipe on the CPU.
#include "tiny_recipe.hpp"

#include <longsky/longsky.hpp>
#include <longsky/program/program.hpp>

#include <clocale>
#include <cstdlib>
#include <locale>
#include <string>

// What fontconfig keeps until the end is no leak of ours.
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig"; }

namespace {

/// Numbers as some write them: 1.2.3.4,5
struct OtherNumbers : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\1"; }
};

}  // namespace

int main(int argc, char** argv) {
  // A program around the library may have chosen a locale, for C and for C++.
  if (const char* name = std::getenv("LONGSKY_TEST_LOCALE")) {
    if (!std::setlocale(LC_ALL, name)) return 99;
    std::locale::global(std::locale(std::locale::classic(), new OtherNumbers));
    std::cout.imbue(std::locale());
    std::cerr.imbue(std::locale());
  }
  return ls::program<Tiny, ls::cpu::Device>(argc, argv);
}
