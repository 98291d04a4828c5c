# Jansson::Jansson
include(${CMAKE_CURRENT_LIST_DIR}/find_by_name.cmake)
find_by_name(Jansson jansson.h jansson)
