// longsky/core/config.hpp — the one macro of the library: a function that both the host and a GPU may call.
#pragma once

#include <longsky/core/macros.hpp>

#if defined(__CUDACC__)
#define LONGSKY_HD __host__ __device__
#else
#define LONGSKY_HD
#endif
