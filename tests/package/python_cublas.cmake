# tests/package/python_cublas.cmake — a toolkit without cuBLASLt takes that of Python's packages, and one is refused where
# neither has it. Toolkit and package are made up here, so that none need be installed.
#
#   cmake -D root=<source tree> -D compiler=g++ -D work=<scratch folder> -P python_cublas.cmake
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${work})
set(toolkit ${work}/toolkit)
file(WRITE ${toolkit}/include/cuda_runtime.h "")
file(WRITE ${toolkit}/include/cuda.h "#define CUDA_VERSION 13000\n")
file(WRITE ${toolkit}/bin/nvcc "#!/bin/sh
case \"$1\" in
  --version) echo 'Cuda compilation tools, release 13.0, V13.0.88' ;;
  *) echo '#$ TOP=${toolkit}' >&2 ;;
esac
")
file(CHMOD ${toolkit}/bin/nvcc PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
file(WRITE ${work}/empty.cpp "extern \"C\" int cublasLtGetVersion() { return 130000; }\n")
file(MAKE_DIRECTORY ${toolkit}/lib64)
file(WRITE ${work}/project/main.cpp "#include <cublasLt.h>\nint main() { return cublasLtGetVersion() == 130000 ? 0 : 1; }\n")
file(WRITE ${work}/project/CMakeLists.txt "cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES CXX)
include(${root}/cmake/find_cuda_toolkit.cmake)
find_cuda_toolkit(QUIET)
if(NOT CUDAToolkit_FOUND)
  message(FATAL_ERROR \"not found: \${CUDAToolkit_NOT_FOUND_MESSAGE}\")
endif()
add_executable(consumer main.cpp)
target_link_libraries(consumer PRIVATE CUDA::cublasLt)
")

function(library path soname)
  execute_process(COMMAND ${compiler} -shared -fPIC -Wl,-soname,${soname} -o ${path} ${work}/empty.cpp COMMAND_ERROR_IS_FATAL ANY)
endfunction()
library(${toolkit}/lib64/libcudart.so libcudart.so)

# configure NAME SITE: with SITE among the places where Python looks for packages.
function(configure name site)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env PYTHONPATH=${site} ${CMAKE_COMMAND} -S ${work}/project -B ${work}/${name}
                          -D CMAKE_CXX_COMPILER=${compiler} -D CUDAToolkit_ROOT=${toolkit} -D CMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF
                  OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE status)
  set(said "${said}" PARENT_SCOPE)
  set(status ${status} PARENT_SCOPE)
endfunction()

execute_process(COMMAND python3 -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('nvidia') is not None)"
                RESULT_VARIABLE has_packages)
if(NOT has_packages EQUAL 0)
  message(STATUS "skipped: no python3 here, or one that has NVIDIA's packages")
  return()
endif()
configure(neither ${work}/nowhere)
if(status EQUAL 0 OR NOT said MATCHES "no cuBLASLt .*nvidia/cu13")
  message(FATAL_ERROR "a toolkit without cuBLASLt should be refused in a sentence, it says ${status}: ${said}")
endif()
foreach(package cu13 cublas)
  set(place ${work}/site_${package}/nvidia/${package})
  file(WRITE ${place}/include/cublasLt.h "extern \"C\" int cublasLtGetVersion();\n")
  file(MAKE_DIRECTORY ${place}/lib)
  library(${place}/lib/libcublasLt.so.13 libcublasLt.so.13)
  configure(${package} ${work}/site_${package})
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "cuBLASLt of nvidia/${package} should be found, it says ${status}: ${said}")
  endif()
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${work}/${package} COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
  execute_process(COMMAND ${work}/${package}/consumer COMMAND_ERROR_IS_FATAL ANY)
endforeach()
