// The recipe of long_tiny.hpp on an NVIDIA GPU:   build/native/examples/long_tiny_gpu train    (as the CPU's, which has
// the same checkpoints)
#include "long_tiny.hpp"

#include <longsky/cuda.cuh>
#include <longsky/program/program.hpp>

int main(int argc, char** argv) { return ls::program<LongTiny, ls::cuda::Device>(argc, argv); }
