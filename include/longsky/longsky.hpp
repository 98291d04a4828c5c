// longsky/longsky.hpp — everything a training program on the CPU needs.
#pragma once

#include <longsky/core/macros.hpp>

#include <longsky/cpu/cpu.hpp>
#include <longsky/network.hpp>
