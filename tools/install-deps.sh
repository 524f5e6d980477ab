#!/usr/bin/env bash
# Installs what building and testing Signum needs, with apt, on Debian 12 or a
# relative of it. Idempotent: does nothing, and needs no network, when every
# package is there. On other systems it prints what is needed and leaves it to you.
#
# usage: tools/install-deps.sh [--no-train] [--bench] [--arm64] [--print]
#   --no-train  leave out libtorch, for SIGNUM_TRAIN=OFF builds
#   --bench     also what the benchmarks compare with (Python PyTorch, oneDNN)
#   --arm64     also what builds for arm64 and runs that: a cross compiler, QEMU
#   --print     only list the packages
set -euo pipefail

packages=(
  build-essential cmake ninja-build pkg-config git ca-certificates python3
  clang-format-14 clang-14 libclang-rt-14-dev
  libexpected-dev libfmt-dev libcli11-dev nlohmann-json3-dev libtomlplusplus-dev
  libflatbuffers-dev flatbuffers-compiler libstb-dev zlib1g-dev libzip-dev
  libcpp-httplib-dev libssl-dev
  libonnx-dev libprotobuf-dev libonnx-testdata
  libgtest-dev libgmock-dev libbenchmark-dev
  dataset-fashion-mnist
)
# libopenblas0-pthread: without it libtorch falls back to Debian's reference
# BLAS, which runs linear layers some sixty times slower.
train_packages=(libtorch-dev libopenblas0-pthread)
bench_packages=(python3-torch libdnnl-dev)
# googletest: its sources, to be built for arm64.
arm64_packages=(g++-aarch64-linux-gnu qemu-user googletest)

train=1 print_only=0
for argument in "$@"; do
  case "$argument" in
    --no-train) train=0 ;;
    --bench) packages+=("${bench_packages[@]}") ;;
    --arm64) packages+=("${arm64_packages[@]}") ;;
    --print) print_only=1 ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
if ((train)); then packages+=("${train_packages[@]}"); fi
if ((print_only)); then printf '%s\n' "${packages[@]}"; exit 0; fi

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "install-deps: this system has no apt. Signum needs what these Debian 12 packages hold:" >&2
  printf '  %s\n' "${packages[@]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
    missing+=("$package")
  fi
done
if ((${#missing[@]} == 0)); then exit 0; fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "install-deps: not root and no sudo here. As root, run:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "install-deps: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
