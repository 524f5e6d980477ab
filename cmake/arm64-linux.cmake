# Builds for arm64 Linux on another Debian machine, and runs what it built, tests above all,
# in QEMU as a Neoverse N1, which has the dot products of level `dotprod`. Its compiler looks
# for headers in /usr/include last, so packages that are headers alone are found there.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_CROSSCOMPILING_EMULATOR
  qemu-aarch64 -cpu neoverse-n1 -L /usr/aarch64-linux-gnu)
