# find_by_name(Cairo cairo.h cairo): Cairo::Cairo, a library without a CMake package of its own, by its header, which may
# lie in a folder of the library's name, and its file. For Find modules: a macro, since what it finds is theirs.
include(FindPackageHandleStandardArgs)
macro(find_by_name package header library)
  find_path(${package}_INCLUDE_DIR ${header} PATH_SUFFIXES ${library})
  find_library(${package}_LIBRARY ${library})
  find_package_handle_standard_args(${package} REQUIRED_VARS ${package}_LIBRARY ${package}_INCLUDE_DIR)
  mark_as_advanced(${package}_INCLUDE_DIR ${package}_LIBRARY)
  if(${package}_FOUND AND NOT TARGET ${package}::${package})
    add_library(${package}::${package} UNKNOWN IMPORTED)
    set_target_properties(${package}::${package} PROPERTIES IMPORTED_LOCATION "${${package}_LIBRARY}"
                                                            INTERFACE_INCLUDE_DIRECTORIES "${${package}_INCLUDE_DIR}")
  endif()
endmacro()
