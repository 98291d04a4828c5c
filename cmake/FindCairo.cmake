# Cairo::Cairo
include(${CMAKE_CURRENT_LIST_DIR}/find_by_name.cmake)
find_by_name(Cairo cairo.h cairo)
