// tests/cuda/program/tiny_gpu_program.cpp — the tiny recipe on the emulated GPU: the same program, checkpoints and all.
#include "program/tiny_recipe.hpp"

#include <longsky/cuda.cuh>
#include <longsky/program/program.hpp>

int main(int argc, char** argv) { return ls::program<Tiny, ls::cuda::Device>(argc, argv); }
