# Target `lint`: clang-tidy over src/, apart from the build because it takes much longer. Most of
# that goes into headers, so it reads the batches of a unity build, and headers once for each. A
# batch is read again when a file in it, any header, or the list of checks has changed.
find_program(OURO_CLANG_TIDY clang-tidy-19)
if(NOT OURO_CLANG_TIDY OR NOT CMAKE_UNITY_BUILD_BATCH_SIZE)
  return()
endif()

file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.h"
  "${PROJECT_SOURCE_DIR}/include/*.h")
set(stamps)
file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/lint")
get_property(targets DIRECTORY "${PROJECT_SOURCE_DIR}" PROPERTY BUILDSYSTEM_TARGETS)
foreach(target IN LISTS targets)
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.cpp$")
  set(batch 0)
  while(sources)
    list(SUBLIST sources 0 ${CMAKE_UNITY_BUILD_BATCH_SIZE} files)
    list(REMOVE_ITEM sources ${files})
    set(file "${PROJECT_BINARY_DIR}/CMakeFiles/${target}.dir/Unity/unity_${batch}_cxx.cxx")
    set(stamp "${PROJECT_BINARY_DIR}/lint/${target}_${batch}.passed")
    add_custom_command(OUTPUT "${stamp}"
      COMMAND "${OURO_CLANG_TIDY}" --quiet -p "${PROJECT_BINARY_DIR}" "${file}"
      COMMAND "${CMAKE_COMMAND}" -E touch "${stamp}"
      DEPENDS "${file}" ${files} ${headers} "${PROJECT_SOURCE_DIR}/.clang-tidy"
      COMMENT "Lint ${target}, batch ${batch}"
      VERBATIM)
    list(APPEND stamps "${stamp}")
    math(EXPR batch "${batch} + 1")
  endwhile()
endforeach()
add_custom_target(lint DEPENDS ${stamps})
