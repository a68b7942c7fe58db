#!/bin/sh
# Builds every guest of sdk/examples and test/guests with Debian's cross
# compilers (gcc-riscv64-linux-gnu, g++-riscv64-linux-gnu). Symbols stay in the
# files: they name the place of a fault.
#   build.sh [DIR]   leaves DIR/NAME.elf; without DIR the committed files are written.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-}
CC=${FP_CC:-riscv64-linux-gnu-gcc}
CXX=${FP_CXX:-riscv64-linux-gnu-g++}
common="-march=rv64gc -mabi=lp64d -O2 -static -nostdlib -ffreestanding -fno-stack-protector -fno-pic -no-pie
	-fno-asynchronous-unwind-tables -fno-ident -Wall -Wextra -Werror -DFP_START -I$root/sdk/c -I$root/sdk/abi
	-Wl,-Ttext=0x120000,--build-id=none,-z,separate-code,-z,max-page-size=4096,-z,norelro"

one() { # SOURCE COMPILER FLAGS
	name=$(basename "${1%.*}")
	dir=$(dirname "$1")
	to=${out:-${dir%/src}}/$name.elf
	# shellcheck disable=SC2086
	$2 $common $3 "$1" $4 -o "$to"
}

for f in "$root"/sdk/examples/src/*.c "$root"/test/guests/*.c; do
	one "$f" "$CC" "" ""
done
for f in "$root"/sdk/examples/src/*.cpp; do
	[ -e "$f" ] || continue
	one "$f" "$CXX" "-std=c++20 -fno-exceptions -fno-rtti -fno-threadsafe-statics -I$root/sdk/cpp" "-lgcc"
done
