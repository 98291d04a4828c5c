# tests/package/test.cmake — installs to an empty prefix, then configures, builds and runs consumers against it: one for
# the CPU and, where nvcc is, one for a GPU.
#
#   cmake -D build=<build tree> -D compiler=g++ -D nvcc=<nvcc or nothing> -D strict=<a strict user's flags>
#         -D work=<scratch folder> -P test.cmake
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed: ${command}\n${said}")
  endif()
  set(said "${said}" PARENT_SCOPE)
endfunction()

function(build name)
  run(${CMAKE_COMMAND} -G Ninja -S ${CMAKE_CURRENT_LIST_DIR}/${name} -B ${work}/${name}
      -D CMAKE_CXX_COMPILER=${compiler} -D CMAKE_PREFIX_PATH=${work}/prefix ${ARGN})
  run(${CMAKE_COMMAND} --build ${work}/${name})
endfunction()

file(REMOVE_RECURSE ${work})
run(${CMAKE_COMMAND} --install ${build} --prefix ${work}/prefix)
# As a strict user compiles it, who takes our headers for his own: a warning in them is an error.
list(JOIN strict " " strict)
build(consumer -D CMAKE_NO_SYSTEM_FROM_IMPORTED=ON "-D CMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Wno-psabi -Werror ${strict}")
run(${work}/consumer/consumer)
if(NOT said MATCHES "longsky [0-9]+\\.[0-9]+\\.[0-9]+")
  message(FATAL_ERROR "the consumer should print its version, it prints: ${said}")
endif()
message(STATUS "${said}")

if(NOT nvcc)
  message(STATUS "no nvcc here: the component cuda is not asked for")
  return()
endif()
build(cuda_consumer -D CMAKE_CUDA_COMPILER=${nvcc} -D CMAKE_CUDA_ARCHITECTURES=80-real)
execute_process(COMMAND ${work}/cuda_consumer/cuda_consumer OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE status)
if(NOT said MATCHES "^4 threads\n")
  message(FATAL_ERROR "a loop over four threads of the consumer's host side should run on four, it prints: ${said}")
endif()
if(NOT ((status EQUAL 0 AND said MATCHES "\nGPU: ") OR (status EQUAL 6 AND said MATCHES "\nCUDA could not use GPU 0: .*; a GPU and a driver")))
  message(FATAL_ERROR "the consumer should name the GPU or say that there is none, it ends with ${status} and prints: ${said}")
endif()
message(STATUS "${said}")
