#!/bin/sh
# make.sh DIR: compiles the kernels with $NVCC (default nvcc) and packs the code
# to DIR: PTX for compute capability 7.5 and up (sm_75.ptx.gz), PTX with tensor
# cores and 16-bit activations for 8.0 and up (sm_80.ptx.gz), and machine code for
# 9.0, so that such a card need not compile at start (sm_90.cubin.gz). The first
# lines of each say from which sources and by which compiler, for the test that
# compares.
#
# The compiler writes the ISA version of its own release into PTX. All that is used
# is in 7.0, but for a hint about loads that may go: so 7.0 is what a driver is
# asked for, which those for CUDA 12.0 take (525 and later).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$1" && pwd)
nvcc=${NVCC:-nvcc}
# Where things lie in memory, and the names of folders, decide some of the
# compiler's choices: the same sources give the same code only with fixed
# addresses and environment, in a folder of one name.
tmp=/tmp/clipcalib-kernels
if ! mkdir "$tmp"; then
	echo "another build uses $tmp, or one was killed: then remove it" >&2
	exit 1
fi
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM HUP
fixed=
if setarch -R true 2>/dev/null; then fixed="setarch -R"; fi
cp "$here"/*.cu "$here"/*.cuh "$tmp"

sources=$(cd "$here" && cat $(ls *.cu *.cuh | LC_ALL=C sort) | sha256sum | cut -d' ' -f1)
compiler=$($nvcc --version | sed -n 's/^.*release.*, V\(.*\)$/nvcc \1/p')

compile() { # compile OPTION ARCHITECTURE
	(cd "$tmp" && env -i PATH="$PATH" $fixed $nvcc "$1" "-arch=$2" ${NVCC_FLAGS:-} -o raw kernels.cu)
}

pack() { # pack NAME: standard input
	{
		echo "// sources $sources"
		echo "// compiler $compiler"
		cat
	} | gzip -9 -n -c >"$tmp/packed"
	mv "$tmp/packed" "$out/$1.gz"
}

for capability in 75 80; do
	compile -ptx compute_$capability
	sed -e 's/^\.version .*/.version 7.0/' -e '/^[ \t]*\.pragma "used_bytes_mask/d' "$tmp/raw" | pack sm_$capability.ptx
done
compile -cubin sm_90
pack sm_90.cubin <"$tmp/raw"
