// The recipe of long_tiny.hpp on the CPU:   build/native/examples/long_tiny train    (plan, describe, eval, generate, report)
#include "long_tiny.hpp"

#include <longsky/longsky.hpp>
#include <longsky/program/program.hpp>

int main(int argc, char** argv) { return ls::program<LongTiny, ls::cpu::Device>(argc, argv); }
