// The recipe of long_tiny.hpp with bfloat16 weights and activations, which an NVIDIA GPU multiplies on its tensor
// cores:
//   build/native/examples/long_tiny_bf16 train
#include "long_tiny.hpp"

#include <longsky/cuda.cuh>
#include <longsky/program/program.hpp>

struct LongTinyBf16 : LongTiny {
  using Precision = ls::Bf16;
};
int main(int argc, char** argv) { return ls::program<LongTinyBf16, ls::cuda::Device>(argc, argv); }
