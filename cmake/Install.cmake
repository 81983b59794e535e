# `cmake --install`: libouro for find_package(ouro) and pkg-config, the program, the manual.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ouro")
install(TARGETS ouro EXPORT ouro-targets ARCHIVE FILE_SET HEADERS)
install(EXPORT ouro-targets NAMESPACE ouro:: FILE ouro-config.cmake DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/ouro-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/ouro-config-version.cmake" DESTINATION "${package_dir}")
# Relative to itself, so that `cmake --install --prefix` may put it anywhere.
file(RELATIVE_PATH prefix_from_pc "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file("${PROJECT_SOURCE_DIR}/cmake/ouro.pc.in" "${PROJECT_BINARY_DIR}/ouro.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/ouro.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

if(TARGET ouro_program)
  install(TARGETS ouro_program RUNTIME)
endif()
file(GLOB manual CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/packaging/man/*.1")
install(FILES ${manual} DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
