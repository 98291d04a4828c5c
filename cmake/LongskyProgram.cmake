# How the project's own programs are compiled. Nothing here reaches those who only use the library.
add_library(longsky_program_flags INTERFACE)
target_compile_options(longsky_program_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic>)
# GCC says here that vectors of 32 and 64 bytes are passed otherwise than by compilers before 2013. They never leave a
# program.
target_compile_options(longsky_program_flags INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-psabi>)
if(LONGSKY_NATIVE)
  target_compile_options(longsky_program_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-march=native>)
endif()
if(LONGSKY_SANITIZE)
  set(sanitize -fsanitize=${LONGSKY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(longsky_program_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:${sanitize}>)
  target_link_options(longsky_program_flags INTERFACE ${sanitize})
endif()

# What a strict user compiles with: our headers give no warning there. No other flag turns a warning into an error, so
# that a newer compiler's new warnings stop nobody.
add_library(longsky_strict_flags INTERFACE)
target_compile_options(longsky_strict_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-Werror=conversion;-Werror=sign-conversion;-Werror=shadow;-Werror=old-style-cast;-Werror=double-promotion>")

# A program of this project: longsky_add_program(name source…).
function(longsky_add_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE longsky::longsky longsky_program_flags)
endfunction()
