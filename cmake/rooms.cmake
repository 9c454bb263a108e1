# SPDX-License-Identifier: Apache-2.0
# qalam_room(NAME LINK public... PRIVATE private...): the library of one room, from every .cc below its folder.
function(qalam_room name)
  cmake_parse_arguments(R "" "" "LINK;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${name}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/pipelines/shim/")
  if(NOT sources)
    return()
  endif()
  add_library(qalam_${name} STATIC ${sources})
  target_include_directories(qalam_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(qalam_${name} PUBLIC ${R_LINK} PRIVATE ${R_PRIVATE} Threads::Threads)
endfunction()

# qalam_test(NAME LABEL label LINK libs... [WITHOUT files...]): one GoogleTest program from every .cc in tests/NAME.
function(qalam_test name)
  cmake_parse_arguments(T "" "LABEL" "LINK;WITHOUT" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*.cc)
  list(TRANSFORM T_WITHOUT PREPEND ${PROJECT_SOURCE_DIR}/tests/${name}/)
  list(REMOVE_ITEM sources ${T_WITHOUT})
  if(NOT sources)
    return()
  endif()
  add_executable(${name}_test ${sources})
  target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name}_test PRIVATE ${T_LINK} gtest gmock gtest_main Threads::Threads)
  target_compile_definitions(${name}_test PRIVATE QALAM_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                             QALAM_BUILD_DIR="${PROJECT_BINARY_DIR}"
                             QALAM_PYTHON="${QALAM_PYTHON}")
  # Tests that wait for others, and not for their own arithmetic, are compiled quickly: half of the whole build's time.
  if(NOT name MATCHES "^(algorithms|bench|sim)$")
    target_compile_options(${name}_test PRIVATE $<$<CONFIG:Release>:-O0>)
  endif()
  set_target_properties(${name}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABEL}" TIMEOUT 600)
endfunction()
