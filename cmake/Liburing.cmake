# Finds liburing: the one tools/bootstrap put into .deps, else the system's.
#
#   ouro_liburing           headers for those who include <liburing.h>
#   OURO_LIBURING_OBJECTS   its object files, to become part of libouro.a

set(OURO_LIBURING_VERSION_MIN 2.9)
set(root "${PROJECT_SOURCE_DIR}/.deps/root/usr")

if(EXISTS "${root}/include/liburing.h")
  # The kernel's headers lie beside it, the machine's part of them in a folder of its own.
  set(includes "${root}/include" "${root}/include/${CMAKE_LIBRARY_ARCHITECTURE}")
  set(archive "${root}/lib/${CMAKE_LIBRARY_ARCHITECTURE}/liburing.a")
else()
  find_path(OURO_LIBURING_INCLUDE_DIR liburing.h)
  find_library(OURO_LIBURING_ARCHIVE liburing.a)
  set(includes "${OURO_LIBURING_INCLUDE_DIR}")
  set(archive "${OURO_LIBURING_ARCHIVE}")
endif()

set(version "none")
list(GET includes 0 include_dir)
if(EXISTS "${archive}" AND EXISTS "${include_dir}/liburing/io_uring_version.h")
  file(STRINGS "${include_dir}/liburing/io_uring_version.h" lines
    REGEX "VERSION_(MAJOR|MINOR) +[0-9]+")
  string(REGEX REPLACE ".*MAJOR +([0-9]+).*MINOR +([0-9]+).*" "\\1.\\2" version "${lines}")
endif()
if(version STREQUAL "none" OR version VERSION_LESS OURO_LIBURING_VERSION_MIN)
  message(FATAL_ERROR "Ouro needs liburing ${OURO_LIBURING_VERSION_MIN} or newer (found here: "
    "${version}). Run tools/bootstrap, which provides it.")
endif()

add_library(ouro_liburing INTERFACE)
target_include_directories(ouro_liburing SYSTEM INTERFACE ${includes})

# Unpacked once per archive: a newer one has another time and is unpacked again.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${archive}")
set(unpacked "${PROJECT_BINARY_DIR}/liburing")
file(REMOVE_RECURSE "${unpacked}")
file(MAKE_DIRECTORY "${unpacked}")
execute_process(COMMAND "${CMAKE_AR}" x "${archive}" WORKING_DIRECTORY "${unpacked}"
  COMMAND_ERROR_IS_FATAL ANY)
file(GLOB OURO_LIBURING_OBJECTS "${unpacked}/*")
set_source_files_properties(${OURO_LIBURING_OBJECTS} PROPERTIES EXTERNAL_OBJECT ON)
