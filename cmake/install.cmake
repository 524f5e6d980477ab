# What `cmake --install` puts where: the command-line tool, and the runtime as one
# library with its public headers and a CMake package, so that
#   find_package(Signum REQUIRED)
#   target_link_libraries(app PRIVATE Signum::signum)
# is all that a program needs.
include(CMakePackageConfigHelpers)

if(TARGET signum)
  install(TARGETS signum RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(TARGET signum-train)
  install(TARGETS signum-train RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/signum)
endif()

# What the tool finds by name.
if(TARGET signum)
  install(DIRECTORY models recipes DESTINATION ${CMAKE_INSTALL_DATADIR}/signum
    FILES_MATCHING PATTERN "*.sgn" PATTERN "*.md" PATTERN "*.toml")
endif()

# libsignum.a: the rooms that the runtime is made of, as one archive.
add_library(signum_archive STATIC)
foreach(room base graph quant format kernels runtime)
  target_sources(signum_archive PRIVATE $<TARGET_OBJECTS:signum_${room}>)
endforeach()
set_target_properties(signum_archive PROPERTIES OUTPUT_NAME signum EXPORT_NAME signum
  LINKER_LANGUAGE CXX)
target_compile_features(signum_archive INTERFACE cxx_std_20)
target_include_directories(signum_archive INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(signum_archive INTERFACE tl::expected Threads::Threads)
install(TARGETS signum_archive EXPORT SignumTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/signum DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h")

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Signum)
install(EXPORT SignumTargets NAMESPACE Signum:: DESTINATION ${package_folder})
configure_package_config_file(cmake/SignumConfig.cmake.in
  ${PROJECT_BINARY_DIR}/SignumConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/SignumConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/SignumConfig.cmake
  ${PROJECT_BINARY_DIR}/SignumConfigVersion.cmake DESTINATION ${package_folder})
