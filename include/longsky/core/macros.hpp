// longsky/core/macros.hpp — refuses macros that would be replaced in the middle of the headers, and says which.
//
// Headers call sizes and types as the literature does: T tokens, C channels, H heads, KV key heads, D dims of a head. A
// macro of such a name makes the compiler complain about lines that are right. tests/macros.cmake keeps the list whole.
#pragma once

#include <longsky/core/finite_math.hpp>

// clang-format off
#ifdef A
#error "longsky: the macro A is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef B
#error "longsky: the macro B is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef C
#error "longsky: the macro C is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef D
#error "longsky: the macro D is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef E
#error "longsky: the macro E is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef F
#error "longsky: the macro F is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef H
#error "longsky: the macro H is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef I
#error "longsky: the macro I is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef K
#error "longsky: the macro K is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef KV
#error "longsky: the macro KV is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef L
#error "longsky: the macro L is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef M
#error "longsky: the macro M is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef N
#error "longsky: the macro N is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef Q
#error "longsky: the macro Q is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef R
#error "longsky: the macro R is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef S
#error "longsky: the macro S is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef T
#error "longsky: the macro T is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef U
#error "longsky: the macro U is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef U2
#error "longsky: the macro U2 is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef V
#error "longsky: the macro V is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef W
#error "longsky: the macro W is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef X
#error "longsky: the macro X is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef Y
#error "longsky: the macro Y is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef min
#error "longsky: the macro min is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
#ifdef max
#error "longsky: the macro max is defined, and longsky uses the name; #undef it, or include longsky before its header"
#endif
// clang-format on
