# SPDX-License-Identifier: Apache-2.0
# One library a room. recforce_add_room() is the only way to make one; it knows the compiler flags, puts the
# room's tests into unit_fast (torch-free) or unit_torch, and registers the room for installation.

add_library(recforce_flags INTERFACE)
target_include_directories(recforce_flags INTERFACE
  $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src>)
target_compile_definitions(recforce_flags INTERFACE RECFORCE_VERSION="${PROJECT_VERSION}")
target_compile_options(recforce_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
  -fno-math-errno)
# g++ 12 warns falsely of overlapping and of overlong copies inside std::string (its bugs 105651 and 105329), and of
# members that designated initialisers leave at their defaults.
target_compile_options(recforce_flags INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow> $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-missing-field-initializers>)
if(RECFORCE_WERROR)
  target_compile_options(recforce_flags INTERFACE -Werror)
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND RECFORCE_MARCH)
  target_compile_options(recforce_flags INTERFACE -march=${RECFORCE_MARCH})
endif()
if(RECFORCE_SANITIZE)
  target_compile_options(recforce_flags INTERFACE -fsanitize=${RECFORCE_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(recforce_flags INTERFACE -fsanitize=${RECFORCE_SANITIZE})
endif()

# recforce_add_room(NAME SOURCES ... [TESTS ...] [DEPENDS rooms or libraries ...] [TORCH])
function(recforce_add_room name)
  cmake_parse_arguments(ROOM "TORCH" "" "SOURCES;TESTS;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  if(NOT ROOM_SOURCES)
    message(FATAL_ERROR "room '${name}' has no sources")
  endif()
  add_library(recforce_${name} STATIC ${ROOM_SOURCES})
  add_library(recforce::${name} ALIAS recforce_${name})
  set_target_properties(recforce_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(recforce_${name} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(recforce_${name} PRIVATE $<BUILD_INTERFACE:recforce_flags>)
  target_include_directories(recforce_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src>)
  foreach(dependency ${ROOM_DEPENDS})
    if(TARGET recforce_${dependency})
      target_link_libraries(recforce_${name} PUBLIC recforce_${dependency})
    else()
      target_link_libraries(recforce_${name} PUBLIC ${dependency})
    endif()
  endforeach()
  target_link_libraries(recforce_${name} PRIVATE ${ROOM_PRIVATE_DEPENDS})
  set_property(GLOBAL APPEND PROPERTY RECFORCE_ROOMS recforce_${name})
  list(TRANSFORM ROOM_TESTS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  if(ROOM_TORCH)
    set_property(GLOBAL APPEND PROPERTY RECFORCE_TORCH_TESTS ${ROOM_TESTS})
  else()
    set_property(GLOBAL APPEND PROPERTY RECFORCE_FAST_TESTS ${ROOM_TESTS})
  endif()
endfunction()

# Installs headers, libraries, the program and the package that find_package(recforce) reads.
function(recforce_install)
  include(CMakePackageConfigHelpers)
  get_property(rooms GLOBAL PROPERTY RECFORCE_ROOMS)
  install(TARGETS ${rooms} EXPORT recforceTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  if(TARGET recforce)
    install(TARGETS recforce RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/recforce DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(FILES ${CMAKE_SOURCE_DIR}/src/train/run.h ${CMAKE_SOURCE_DIR}/src/train/run_folder.h
    ${CMAKE_SOURCE_DIR}/src/train/run_info.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/train)
  if(RECFORCE_TORCH)
    install(FILES ${CMAKE_SOURCE_DIR}/src/algos/register_all.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/algos)
  endif()
  set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/recforce)
  install(EXPORT recforceTargets NAMESPACE recforce:: DESTINATION ${package_dir})
  configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/recforceConfig.cmake.in
    ${CMAKE_BINARY_DIR}/recforceConfig.cmake INSTALL_DESTINATION ${package_dir})
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/recforceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/recforceConfig.cmake ${CMAKE_BINARY_DIR}/recforceConfigVersion.cmake
    DESTINATION ${package_dir})
endfunction()
