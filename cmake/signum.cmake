# How a room of src/ is declared: its library, its tests, its benchmarks.

add_library(signum_flags INTERFACE)
target_include_directories(signum_flags INTERFACE ${PROJECT_SOURCE_DIR}/src
  ${PROJECT_SOURCE_DIR}/include)
# -ffp-contract=off: the results of the arithmetic in docs/quantization.md are
# fixed to the bit, so a multiply and an add are two roundings on every machine.
target_compile_options(signum_flags INTERFACE -Wall -Wextra
  -Wno-missing-field-initializers -ffp-contract=off)
if(SIGNUM_SANITIZE)
  target_compile_options(signum_flags INTERFACE
    -fsanitize=${SIGNUM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(signum_flags INTERFACE -fsanitize=${SIGNUM_SANITIZE})
endif()

# The instruction sets of the architecture that this is for: x86, arm64, or none.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(SIGNUM_ARCHITECTURE x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(SIGNUM_ARCHITECTURE arm64)
endif()

# Their levels, as SIGNUM_ISA names them.
set(levels ${PROJECT_SOURCE_DIR}/src/base/isa.inc)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${levels})
file(STRINGS ${levels} levels REGEX "^SIGNUM_ISA_LEVEL")
string(TOLOWER "${levels}" levels)
list(FILTER levels INCLUDE REGEX "\\(k(anyarchitecture|${SIGNUM_ARCHITECTURE}),")
list(TRANSFORM levels REPLACE ".*\"(.*)\".*" "\\1" OUTPUT_VARIABLE SIGNUM_ISA_LEVELS)

# signum_room(NAME SOURCES a.cc... [DEPENDS target...])
# A static library signum_NAME; DEPENDS are linked publicly.
function(signum_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(signum_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(signum_${name} PUBLIC signum_flags ${ROOM_DEPENDS})
endfunction()

# Linked last, compiles what links it without UndefinedBehaviorSanitizer: it is the libraries
# that are looked at, and its checks are a third of the time that a test compiles.
add_library(signum_without_ubsan INTERFACE)
if(SIGNUM_SANITIZE MATCHES "undefined")
  target_compile_options(signum_without_ubsan INTERFACE -fno-sanitize=undefined)
endif()

# signum_cold(a room)
# What runs once for a model, and is half as large so: libsignum.a is to stay under 2 MB.
function(signum_cold room)
  target_compile_options(signum_${room} PRIVATE $<$<CONFIG:Release>:-Os>)
endfunction()

# The headers of GoogleTest, parsed once for all tests. A program, for its flags must be theirs.
function(signum_test_headers)
  file(WRITE ${PROJECT_BINARY_DIR}/test_headers.cc "// Tests share what is precompiled with this.\n")
  add_executable(signum_test_headers ${PROJECT_BINARY_DIR}/test_headers.cc)
  target_compile_options(signum_test_headers PRIVATE $<$<CONFIG:Release>:-O1>)
  target_link_libraries(signum_test_headers PRIVATE signum_flags GTest::gmock_main
    signum_without_ubsan)
  target_precompile_headers(signum_test_headers PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
endfunction()

# signum_batches(TARGET COUNT)
# Compiles so many sources at a time as one, for where a compiler takes seconds for what every
# one of them includes, precompiled or not: the templates of CLI11 and libtorch.
function(signum_batches target count)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${count})
endfunction()

# signum_headers_of(PROGRAM LIBRARY)
# What is precompiled for the library serves the program too, whose code must be as
# position-independent for that.
function(signum_headers_of program library)
  set_target_properties(${program} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${program} PRIVATE -fPIC)
  target_precompile_headers(${program} REUSE_FROM ${library})
endfunction()

# The programs of signum_test that have THREADS.
add_custom_target(signum_thread_tests)

# signum_test(NAME SOURCES a_test.cc... [DEPENDS target...] [TIMEOUT seconds]
#             [COST seconds] [EACH_ISA] [NO_DISCOVER] [THREADS] [HEADERS_OF library])
# A GoogleTest program. Each of its cases is one ctest case; with NO_DISCOVER the
# program is. ctest starts what has a high COST first. With EACH_ISA the program also runs
# under every cap of SIGNUM_ISA; it must skip, aloud, the caps that the machine lacks. THREADS
# says that it starts several: preset tsan builds and runs such programs alone. What is
# precompiled for the library HEADERS_OF serves the program too, in place of GoogleTest's.
function(signum_test name)
  if(NOT SIGNUM_TESTS)
    return()
  endif()
  cmake_parse_arguments(TEST "EACH_ISA;NO_DISCOVER;THREADS" "TIMEOUT;COST;HEADERS_OF"
    "SOURCES;DEPENDS" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 300)
  endif()
  if(NOT TEST_COST)
    set(TEST_COST 0)
  endif()
  add_executable(${name} ${TEST_SOURCES})
  # Tests run for less time than an optimizer takes for them.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  target_link_libraries(${name} PRIVATE signum_flags ${TEST_DEPENDS} GTest::gmock_main
    signum_without_ubsan)
  if(TEST_HEADERS_OF)
    signum_headers_of(${name} ${TEST_HEADERS_OF})
  else()
    target_precompile_headers(${name} REUSE_FROM signum_test_headers)
  endif()
  # As the command line does where it trains: tests that run beside each other would wait for the
  # very threads that they keep from running.
  set(environment "GOMP_SPINCOUNT=1000")
  set(labels "")
  if(TEST_THREADS)
    add_dependencies(signum_thread_tests ${name})
    set(labels threads)
  endif()
  if(TEST_NO_DISCOVER)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${TEST_TIMEOUT} COST ${TEST_COST}
      ENVIRONMENT "${environment}" LABELS "${labels}")
  else()
    # An empty value is none to it: what follows would be taken for the labels.
    gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 120
      PROPERTIES TIMEOUT ${TEST_TIMEOUT} COST ${TEST_COST} ENVIRONMENT "${environment}"
      LABELS "${labels}")
  endif()
  if(TEST_EACH_ISA)
    foreach(isa ${SIGNUM_ISA_LEVELS})
      add_test(NAME ${name}.under_${isa} COMMAND ${name})
      set_tests_properties(${name}.under_${isa} PROPERTIES TIMEOUT ${TEST_TIMEOUT} LABELS "${labels}"
        ENVIRONMENT "${environment};SIGNUM_ISA=${isa}" SKIP_REGULAR_EXPRESSION "SIGNUM_ISA=${isa}, but this CPU reaches only")
    endforeach()
  endif()
endfunction()

# signum_fuzz(NAME SOURCES a_fuzz.cc... ROOMS room...)
# A libFuzzer program NAME_fuzz, guided by the branches of these rooms, for `./dev
# fuzz`. The tests run it on what tests/corpus/NAME holds, and on nothing else.
function(signum_fuzz name)
  if(NOT SIGNUM_FUZZ)
    return()
  endif()
  cmake_parse_arguments(FUZZ "" "" "SOURCES;ROOMS" ${ARGN})
  add_executable(${name}_fuzz ${FUZZ_SOURCES})
  target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
  foreach(room ${FUZZ_ROOMS})
    target_compile_options(signum_${room} PRIVATE -fsanitize=fuzzer-no-link)
    target_link_libraries(${name}_fuzz PRIVATE signum_${room})
  endforeach()
  add_test(NAME ${name}_fuzz.corpus
    COMMAND ${name}_fuzz -runs=0 -timeout=25 ${PROJECT_SOURCE_DIR}/tests/corpus/${name})
  set_tests_properties(${name}_fuzz.corpus PROPERTIES TIMEOUT 300)
endfunction()

# signum_benchmark(NAME SOURCES a_bench.cc... [DEPENDS target...])
# A Google Benchmark program; never run by the tests.
function(signum_benchmark name)
  if(NOT SIGNUM_BENCHMARKS)
    return()
  endif()
  cmake_parse_arguments(BENCH "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${BENCH_SOURCES})
  target_link_libraries(${name} PRIVATE signum_flags ${BENCH_DEPENDS} benchmark::benchmark_main)
endfunction()
