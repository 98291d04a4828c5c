# find_cuda_toolkit(…): find_package(CUDAToolkit …), also where CMake's own module is older than the toolkit. That of CMake
# 3.25 stops at a toolkit without nvToolsExt (CUDA 13) if the project asks for CMake 3.25 or newer.
macro(find_cuda_toolkit)
  set(find_cuda_toolkit_minimum ${CMAKE_MINIMUM_REQUIRED_VERSION})
  set(CMAKE_MINIMUM_REQUIRED_VERSION 3.24)
  find_package(CUDAToolkit ${ARGN})
  set(CMAKE_MINIMUM_REQUIRED_VERSION ${find_cuda_toolkit_minimum})
  unset(find_cuda_toolkit_minimum)
endmacro()
