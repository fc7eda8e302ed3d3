#!/bin/sh
# make.sh OUT: compiles the kernels with $NVCC (default nvcc) to PTX for compute
# capability 7.5 and up and packs it to OUT. The first lines say from which
# sources and by which compiler, for the test that compares.
#
# The compiler writes the ISA version of its own release; nothing newer than
# 8.3 is used, so that is what a driver is asked for (CUDA 12.3).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
nvcc=${NVCC:-nvcc}
tmp=$(mktemp -d -t kernels.XXXXXXXX)
trap 'rm -rf "$tmp"' EXIT
# Where things lie in memory decides some of the compiler's choices: the same
# sources give the same code only with fixed addresses and environment.
fixed=
if setarch -R true 2>/dev/null; then fixed="setarch -R"; fi
(cd "$here" && env -i PATH="$PATH" $fixed $nvcc -ptx -arch=compute_75 ${NVCC_FLAGS:-} -o "$tmp/raw.ptx" kernels.cu)
{
	echo "// sources $(cd "$here" && cat $(ls *.cu *.cuh | LC_ALL=C sort) | sha256sum | cut -d' ' -f1)"
	echo "// compiler $($nvcc --version | sed -n 's/^.*release.*, V\(.*\)$/nvcc \1/p')"
	sed 's/^\.version .*/.version 8.3/' "$tmp/raw.ptx"
} >"$tmp/kernels.ptx"
gzip -9 -n -c "$tmp/kernels.ptx" >"$tmp/packed"
mv "$tmp/packed" "$out"
