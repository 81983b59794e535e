# Target `coverage-report`, in the coverage preset: prints what the runs so far have covered. The
# counts live in files mapped by every process (%c), so forked and killed ones are counted too, and
# runs add up (%m) until build/coverage/profiles is removed.
if(NOT CMAKE_CXX_FLAGS MATCHES "-fcoverage-mapping")
  return()
endif()

set(objects)
foreach(target IN ITEMS ouro_program ouro_unit_tests ouro_engine_tests ouro_failing_tests ouro_sim)
  if(TARGET ${target})
    list(APPEND objects --object $<TARGET_FILE:${target}>)
  endif()
endforeach()
set(profile "${PROJECT_BINARY_DIR}/all.profdata")
add_custom_target(coverage-report
  COMMAND llvm-profdata-19 merge --sparse -o "${profile}" "${PROJECT_BINARY_DIR}/profiles"
  COMMAND llvm-cov-19 report "--instr-profile=${profile}" ${objects}
    "--sources" "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include"
  VERBATIM USES_TERMINAL)
