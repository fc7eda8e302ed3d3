#!/bin/sh
# make.sh COMPAT INCLUDE OUT: builds OUT/libcuda.a, see forward.c. The functions are
# those that gorgonia.org/cu and this engine call, under the names the header
# at INCLUDE gives them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
compat=$1 include=$2 out=$3
cc=${CC:-cc}
mkdir -p "$out"
# A module that no build of this machine wanted yet has no folder.
${GO:-go} mod download gorgonia.org/cu
bindings=$(${GO:-go} list -m -f '{{.Dir}}' gorgonia.org/cu)
[ -n "$bindings" ] || { echo "gorgonia.org/cu has no folder in the module cache" >&2; exit 1; }
{
	grep -oh 'C\.cu[A-Z][A-Za-z0-9_]*' "$bindings"/*.go | sed 's/^C\.//'
	grep -oh '\bcu[A-Z][A-Za-z0-9_]*(' "$bindings"/*.c "$here"/../nvidia/*.c | sed 's/($//'
} | sort -u | while read -r name; do
	# Only what the header knows: the bindings define functions of their own.
	if grep -qw "$name" "$include/cuda.h"; then echo "@ $name"; fi
done >"$out/names.txt"
{
	echo '#include <cuda.h>'
	cat "$out/names.txt"
} | $cc -E -P -I"$compat" -I"$include" -x c - | sed -n 's/^@ \(cu[A-Za-z0-9_]*\)$/SYMBOL(\1)/p' | grep -v '(cuInit)' | sort -u >"$out/symbols.inc"
$cc -O2 -fPIC -Wall -I"$out" -c "$here/forward.c" -o "$out/forward.o"
rm -f "$out/libcuda.a"
ar rcs "$out/libcuda.a" "$out/forward.o"
