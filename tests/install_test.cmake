# Installs the build into a fresh prefix, builds examples/classify against it as a
# project of its own, and runs that on a model: what a user of the library does.
#   cmake -DBUILD=... -DSOURCE=... -DWORK=... -DWRITE_MODEL=... -DSANITIZE=... -DBUILD_TYPE=...
#     -DSTRIP=... -DRUNTIME_ONLY=... -DTOOLCHAIN=... -DEMULATOR=... -DCXX=... -P install_test.cmake
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${status}:\n${text}")
  endif()
  set(text "${text}" PARENT_SCOPE)
endfunction()

set(prefix ${WORK}/prefix)
file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})

# The installed tool stands alone.
if(NOT RUNTIME_ONLY)
  run(${prefix}/bin/signum info lenet)
  if(NOT text MATCHES "62,006")
    message(FATAL_ERROR "the installed signum says of lenet:\n${text}")
  endif()
endif()

set(flags "")
if(SANITIZE)
  set(flags "-fsanitize=${SANITIZE}")
endif()
run(${CMAKE_COMMAND} -S ${SOURCE}/examples/classify -B ${WORK}/build -G Ninja
  -DCMAKE_TOOLCHAIN_FILE=${TOOLCHAIN} -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS=${flags}")
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${EMULATOR} ${WRITE_MODEL} lenet 1bit ${WORK}/lenet.sgn)
# A picture of 2 x 2 pixels, whose bytes happen to be letters.
file(WRITE ${WORK}/picture.ppm "P6\n2 2\n255\nabcdefghijkl")
run(${EMULATOR} ${WORK}/build/classify ${WORK}/lenet.sgn ${WORK}/picture.ppm)
if(NOT text MATCHES "^class[0-9]\n$")
  message(FATAL_ERROR "the installed library classifies the picture as:\n${text}")
endif()

# The runtime is small: in a program that has nothing else, and all of it, used or not, as
# a shared library.
function(expect_small what file)
  run(${STRIP} -o ${WORK}/stripped ${file})
  file(SIZE ${WORK}/stripped bytes)
  message(STATUS "${what} has ${bytes} bytes, stripped")
  if(NOT bytes LESS 2000000)
    message(FATAL_ERROR "${what} has ${bytes} bytes, stripped; it must be under 2,000,000")
  endif()
endfunction()
if(BUILD_TYPE STREQUAL "Release" AND STRIP)
  expect_small("examples/classify" ${WORK}/build/classify)
  file(GLOB_RECURSE library ${prefix}/libsignum.a)
  run(${CXX} -shared -o ${WORK}/libsignum.so -Wl,--whole-archive ${library}
    -Wl,--no-whole-archive -Wl,-z,defs -pthread)
  expect_small("libsignum.a as a shared library" ${WORK}/libsignum.so)
endif()
