// longsky/cpu/cpu.hpp — all ops of the CPU device.
#pragma once

#include <longsky/core/macros.hpp>

#include <longsky/cpu/adamw.hpp>
#include <longsky/cpu/attention.hpp>
#include <longsky/cpu/attention_bounds.hpp>
#include <longsky/cpu/copy_heads.hpp>
#include <longsky/cpu/cross_entropy.hpp>
#include <longsky/cpu/device.hpp>
#include <longsky/cpu/embedding.hpp>
#include <longsky/cpu/fill_zero.hpp>
#include <longsky/cpu/global_norm.hpp>
#include <longsky/cpu/linear.hpp>
#include <longsky/cpu/options.hpp>
#include <longsky/cpu/peak.hpp>
#include <longsky/cpu/rmsnorm.hpp>
#include <longsky/cpu/rope.hpp>
#include <longsky/cpu/run_once.hpp>
#include <longsky/cpu/swiglu.hpp>
#include <longsky/cpu/workspace.hpp>
