// longsky/cuda/cuda.cuh — all ops of a CUDA device.
#pragma once

#include <longsky/core/macros.hpp>

#include <longsky/cuda/adamw.cuh>
#include <longsky/cuda/attention_atomic.cuh>
#include <longsky/cuda/attention_backward.cuh>
#include <longsky/cuda/attention_bounds.cuh>
#include <longsky/cuda/attention_decode.cuh>
#include <longsky/cuda/attention_float.cuh>
#include <longsky/cuda/attention_forward.cuh>
#include <longsky/cuda/copy_heads.cuh>
#include <longsky/cuda/cross_entropy.cuh>
#include <longsky/cuda/device.cuh>
#include <longsky/cuda/embedding.cuh>
#include <longsky/cuda/fill_zero.cuh>
#include <longsky/cuda/global_norm.cuh>
#include <longsky/cuda/linear.cuh>
#include <longsky/cuda/options.cuh>
#include <longsky/cuda/peak.cuh>
#include <longsky/cuda/readback.cuh>
#include <longsky/cuda/recording.cuh>
#include <longsky/cuda/rmsnorm.cuh>
#include <longsky/cuda/rope.cuh>
#include <longsky/cuda/run_once.cuh>
#include <longsky/cuda/staging.cuh>
#include <longsky/cuda/swiglu.cuh>
#include <longsky/cuda/workspace.cuh>
