# Target `lint`: clang-tidy over src/, apart from the build because it takes much longer. A file is
# looked at again when it, any header, or the list of checks has changed.
find_program(OURO_CLANG_TIDY clang-tidy-19)
if(NOT OURO_CLANG_TIDY)
  return()
endif()

file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.cpp")
file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.h"
  "${PROJECT_SOURCE_DIR}/include/*.h")
set(stamps)
foreach(source IN LISTS sources)
  file(RELATIVE_PATH name "${PROJECT_SOURCE_DIR}" "${source}")
  set(stamp "${PROJECT_BINARY_DIR}/lint/${name}.passed")
  get_filename_component(stamp_dir "${stamp}" DIRECTORY)
  file(MAKE_DIRECTORY "${stamp_dir}")
  add_custom_command(OUTPUT "${stamp}"
    COMMAND "${OURO_CLANG_TIDY}" --quiet -p "${PROJECT_BINARY_DIR}" "${source}"
    COMMAND "${CMAKE_COMMAND}" -E touch "${stamp}"
    DEPENDS "${source}" ${headers} "${PROJECT_SOURCE_DIR}/.clang-tidy"
    COMMENT "Lint ${name}"
    VERBATIM)
  list(APPEND stamps "${stamp}")
endforeach()
add_custom_target(lint DEPENDS ${stamps})
