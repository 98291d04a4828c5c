# tests/macros.cmake — each short name in capitals that a header uses is among those that core/macros.hpp refuses as a
# macro, and no other is.
#
#   cmake -D root=<project> -P tests/macros.cmake
cmake_minimum_required(VERSION 3.25)

set(used "")
file(GLOB_RECURSE headers RELATIVE ${root} ${root}/include/longsky/*.hpp ${root}/kernels/longsky/*.cuh)
foreach(header IN LISTS headers)
  if(header STREQUAL "include/longsky/core/macros.hpp")
    continue()
  endif()
  file(READ ${root}/${header} text)
  string(REGEX REPLACE "R\"\\(.*\\)\"" " " text "${text}")                # raw strings
  string(REGEX REPLACE "\"([^\"\\\n]|\\\\[^\n])*\"" " " text "${text}")  # strings
  string(REGEX REPLACE "//[^\n]*" " " text "${text}")
  string(REGEX REPLACE "'[^'\n]'" " " text "${text}")
  string(REGEX MATCHALL "[A-Za-z0-9_]+" words "${text}")
  list(FILTER words INCLUDE REGEX "^[A-Z][A-Z0-9]?$")
  list(APPEND used ${words})
endforeach()
list(REMOVE_DUPLICATES used)
list(SORT used)

file(STRINGS ${root}/include/longsky/core/macros.hpp refused REGEX "^#ifdef [A-Z][A-Z0-9]?$")
list(TRANSFORM refused REPLACE "#ifdef " "")
list(SORT refused)
if(used STREQUAL "" OR NOT used STREQUAL refused)
  message(FATAL_ERROR "the headers use the short names\n  ${used}\nand core/macros.hpp refuses\n  ${refused}")
endif()
message(STATUS "${used} are refused as macros")
