# The parts of the tree that are not libouro, and what all of our code is compiled with.

# What every file of ours may include, and the warnings it has to pass.
add_library(ouro_private INTERFACE)
target_include_directories(ouro_private INTERFACE "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(ouro_private INTERFACE ouro_liburing)
# Conversions that change only the sign are left out: sizes and results of system calls meet in
# every other line, and casts there would hide more than they show.
target_compile_options(ouro_private INTERFACE -Wall -Wextra -Wpedantic -Wconversion
  -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast)
# Within a batch of files (CMAKE_UNITY_BUILD) what is global in one would be shadowed in another.
if(NOT CMAKE_UNITY_BUILD)
  target_compile_options(ouro_private INTERFACE -Wshadow)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(ouro_private INTERFACE -Wshadow=local)
endif()

# Adds library ouro_<folder> from src/<folder> and what is below, once there is something in it.
function(ouro_add_part folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${folder}/*.cpp")
  if(sources)
    add_library(ouro_${folder} STATIC ${sources})
    target_link_libraries(ouro_${folder} PUBLIC ouro PRIVATE ouro_private fmt::fmt)
  endif()
endfunction()

# Links `target` with every part there is.
function(ouro_link_parts target)
  foreach(part IN ITEMS ouro_proxy ouro_host ouro_ctl ouro_echo ouro_study ouro_load ouro)
    if(TARGET ${part})
      target_link_libraries(${target} PRIVATE ${part})
    endif()
  endforeach()
  target_link_libraries(${target} PRIVATE ouro_private)
endfunction()

# Adds the program itself, at the top of the build folder.
function(ouro_add_program)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/cli/*.cpp")
  if(sources)
    add_executable(ouro_program ${sources})
    ouro_link_parts(ouro_program)
    target_link_libraries(ouro_program PRIVATE fmt::fmt CLI11::CLI11 nlohmann_json::nlohmann_json)
    target_compile_definitions(ouro_program PRIVATE OURO_VERSION="${PROJECT_VERSION}")
    set_target_properties(ouro_program PROPERTIES OUTPUT_NAME ouro
      RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
  endif()
endfunction()
