// longsky/cuda.cuh — everything a training program on one NVIDIA GPU needs. Name the file .cu.
#pragma once

#include <longsky/core/macros.hpp>

#include <longsky/cuda/cuda.cuh>
#include <longsky/network.hpp>
