# tests/compile_fail/check.cmake — a wrong program must fail to compile, with the sentence its first line promises.
#
#   cmake -D source=x.cpp -D compiler=g++ -D "includes=a;b" -D "flags=-std=c++20" -P check.cmake
#
# The first line of a program is `// error: <regex>`; a line `// flags: -a -b` compiles it with these too. Only what the compiler itself says is searched: its diagnostics
# without the file names, and not the quoted source, so neither a file's name nor its text can satisfy the promise.
cmake_minimum_required(VERSION 3.25)

list(TRANSFORM includes PREPEND -I)
file(STRINGS ${source} more LIMIT_COUNT 1 REGEX "^// flags: ")
string(REGEX REPLACE "^// flags: " "" more "${more}")
separate_arguments(more)
execute_process(
  COMMAND ${compiler} ${flags} ${more} ${includes} -fsyntax-only -x c++ ${source}
  OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE status)
if(right)  # what all the others change one thing of; were it wrong itself, their answers would prove nothing
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${source} should compile:\n${said}")
  endif()
  return()
endif()

file(STRINGS ${source} wanted LIMIT_COUNT 1)
if(NOT wanted MATCHES "^// error: (.+)$")
  message(FATAL_ERROR "${source}: the first line must be '// error: <regex>', it is: ${wanted}")
endif()
set(wanted "${CMAKE_MATCH_1}")
if(status EQUAL 0)
  message(FATAL_ERROR "${source} compiles; it should be answered with: ${wanted}")
endif()

string(REPLACE ";" "," lines "${said}")
string(REPLACE "[" "(" lines "${lines}")  # a CMake list keeps what is between [ and ] together
string(REPLACE "]" ")" lines "${lines}")
string(REPLACE "\n" ";" lines "${lines}")
foreach(line IN LISTS lines)
  if(line MATCHES "^[^ ]+:[0-9]+:[0-9]+: (fatal error|error|note|  )(.*)$" AND CMAKE_MATCH_2 MATCHES "${wanted}")
    message(STATUS "${line}")
    return()
  endif()
endforeach()
message(FATAL_ERROR "${source} fails, but not with: ${wanted}\nThe compiler says:\n${said}")
