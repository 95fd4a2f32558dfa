# Flags live on these two interface targets, never in global variables.
add_library(sluice_flags INTERFACE)
target_compile_options(sluice_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror=switch
                       -Wno-missing-field-initializers)
if(SLUICE_DEVELOPER_MODE)
  target_compile_options(sluice_flags INTERFACE -Werror)
endif()
if(SLUICE_SANITIZE)
  target_compile_options(sluice_flags INTERFACE -fsanitize=${SLUICE_SANITIZE}
                         -fno-sanitize-recover=all -fno-omit-frame-pointer
                         # g++ 12 sees uninitialised members in its own <regex> under sanitizers.
                         $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(sluice_flags INTERFACE -fsanitize=${SLUICE_SANITIZE})
endif()
find_program(SLUICE_MOLD mold)
if(SLUICE_MOLD)
  target_link_options(sluice_flags INTERFACE -fuse-ld=mold)
endif()

# sluice_add_library(NAME SOURCES a.cpp HEADERS a.hpp DEPS sluice::base PRIVATE_DEPS fmt::fmt)
# One static library per folder, alias sluice::NAME; the include path is the path below src/.
function(sluice_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(sluice_${name} STATIC ${ARG_SOURCES})
  add_library(sluice::${name} ALIAS sluice_${name})
  set_target_properties(sluice_${name} PROPERTIES EXPORT_NAME ${name})
  target_sources(sluice_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src
                 FILES ${ARG_HEADERS})
  target_compile_features(sluice_${name} PUBLIC cxx_std_20)
  target_link_libraries(sluice_${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS}
                        $<BUILD_INTERFACE:sluice_flags>)
  install(TARGETS sluice_${name} EXPORT sluiceTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endfunction()

# sluice_add_test(NAME SOURCES a_test.cpp DEPS sluice::fixed LABELS unit)
# One GoogleTest program; each case is a CTest test. Labels: unit (fast), sim, card, slow, golden, install.
function(sluice_add_test name)
  if(NOT SLUICE_DEVELOPER_MODE)
    return()
  endif()
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS;DEFINES;PROPERTIES" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main sluice_flags)
  target_compile_definitions(${name} PRIVATE SLUICE_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                             SLUICE_BINARY_DIR="${PROJECT_BINARY_DIR}" ${ARG_DEFINES})
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} ${ARG_PROPERTIES})
endfunction()
