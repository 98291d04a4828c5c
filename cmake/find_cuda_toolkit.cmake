# find_cuda_toolkit(…): find_package(CUDAToolkit …), also where CMake's own module is older than the toolkit. That of CMake
# 3.25 stops at a toolkit without nvToolsExt (CUDA 13) if the project asks for CMake 3.25 or newer. A toolkit without
# cuBLASLt takes that of Python's packages.
macro(find_cuda_toolkit)
  set(find_cuda_toolkit_minimum ${CMAKE_MINIMUM_REQUIRED_VERSION})
  set(CMAKE_MINIMUM_REQUIRED_VERSION 3.24)
  find_package(CUDAToolkit ${ARGN})
  set(CMAKE_MINIMUM_REQUIRED_VERSION ${find_cuda_toolkit_minimum})
  unset(find_cuda_toolkit_minimum)
  if(CUDAToolkit_FOUND)
    find_cublaslt_of_python()
  endif()
endmacro()

# CUDA::cublasLt from nvidia/cu13 or nvidia/cublas among Python's packages, where the toolkit has none. No file there has
# an unversioned name, so the library is linked by its path.
function(find_cublaslt_of_python)
  find_path(cublaslt_include cublasLt.h HINTS ${CUDAToolkit_INCLUDE_DIRS} NO_DEFAULT_PATH)
  mark_as_advanced(cublaslt_include)
  if(TARGET CUDA::cublasLt AND cublaslt_include)
    return()
  endif()
  execute_process(COMMAND python3 -c "import os, sys
roots = [os.path.join(p, 'nvidia') for p in sys.path if p]
try:
    import nvidia
    roots += list(nvidia.__path__)
except ImportError:
    pass
print(*[r for r in roots if os.path.isdir(r)], sep=';')" OUTPUT_VARIABLE roots OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  foreach(root IN LISTS roots)
    foreach(package cu${CUDAToolkit_VERSION_MAJOR} cublas)
      file(GLOB libraries "${root}/${package}/lib/libcublasLt.so.${CUDAToolkit_VERSION_MAJOR}")
      if(libraries AND NOT TARGET CUDA::cublasLt)
        list(GET libraries 0 library)
        add_library(CUDA::cublasLt SHARED IMPORTED)
        set_target_properties(CUDA::cublasLt PROPERTIES IMPORTED_LOCATION "${library}")
        message(STATUS "cuBLASLt: ${library}")
      endif()
      if(NOT cublaslt_include AND EXISTS "${root}/${package}/include/cublasLt.h")
        set(cublaslt_include "${root}/${package}/include" CACHE PATH "where cublasLt.h is" FORCE)
      endif()
    endforeach()
  endforeach()
  if(TARGET CUDA::cublasLt AND cublaslt_include)
    target_include_directories(CUDA::cublasLt INTERFACE ${cublaslt_include})
    set(CUDAToolkit_INCLUDE_DIRS ${CUDAToolkit_INCLUDE_DIRS} ${cublaslt_include} PARENT_SCOPE)
  else()
    set(CUDAToolkit_FOUND FALSE PARENT_SCOPE)
    set(CUDAToolkit_NOT_FOUND_MESSAGE "no cuBLASLt (cublasLt.h, libcublasLt.so) in the toolkit, nor in nvidia/cu${CUDAToolkit_VERSION_MAJOR} or nvidia/cublas among python3's packages" PARENT_SCOPE)
  endif()
endfunction()
