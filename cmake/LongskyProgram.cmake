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
  # A third of what a program takes to compile, for what the hardware and AddressSanitizer show too (null pointers and
  # objects that end earlier) or a fuzzer does (alignment: where bytes of files are read).
  if(LONGSKY_SANITIZE MATCHES undefined AND NOT LONGSKY_FUZZ)
    list(APPEND sanitize -fno-sanitize=null,alignment,object-size,vptr)
  endif()
  target_compile_options(longsky_program_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:${sanitize}>)
  target_link_options(longsky_program_flags INTERFACE ${sanitize})
endif()

# What a strict user compiles with: our headers give no warning there. No other flag turns a warning into an error, so
# that a newer compiler's new warnings stop nobody.
set(longsky_strict -Werror=conversion -Werror=sign-conversion -Werror=shadow -Werror=old-style-cast -Werror=double-promotion)
add_library(longsky_strict_flags INTERFACE)
target_compile_options(longsky_strict_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${longsky_strict}>")

# A program of this project: longsky_add_program(name source…).
function(longsky_add_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE longsky::longsky longsky_program_flags)
endfunction()
