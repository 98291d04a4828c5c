// longsky/cpu/attention.hpp — causal attention under a mask policy: forward, backward, and one token at a time.
//
// No T x T matrix exists: tiles of scores live in a thread's own cache. Any T, H / KV query heads share a key head.
#pragma once

#include <longsky/cpu/attention_backward.hpp>
#include <longsky/cpu/attention_decode.hpp>
#include <longsky/cpu/attention_forward.hpp>
