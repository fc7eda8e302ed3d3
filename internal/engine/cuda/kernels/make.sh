#!/bin/sh
# make.sh DIR [ptx]: compiles the kernels with $NVCC (default nvcc) and packs the
# code to DIR: PTX for compute capability 7.5 and up (sm_75.ptx.gz) and PTX with
# tensor cores and 16-bit activations for 8.0 and up (sm_80.ptx.gz). Without
# "ptx" $PTXAS (default ptxas) makes machine code of the latter, so that cards
# need not compile at start (sm_80.cubin.gz and so on), $JOBS of them at once, and
# registers.txt, what each kernel takes on each. The first lines of each say from
# which sources and by which compiler, for the test that compares.
#
# The compiler writes the ISA version of its own release into PTX. All that is used
# is in 7.0, but for a hint about loads that may go: so 7.0 is what a driver is
# asked for, which those for CUDA 12.0 take (525 and later). Machine code is made
# by the assembler of CUDA 12 for the same reason: that of 13 writes an ABI that
# drivers for CUDA 12 may refuse. 12.8 is the first that knows 10.0 and 12.0, for
# which it writes the newer ABI: their drivers are no older.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$1" && pwd)
what=${2:-all}
nvcc=${NVCC:-nvcc}
if ! command -v "$nvcc" >/dev/null; then
	echo "$nvcc is not found: name the compiler in NVCC" >&2
	exit 1
fi
# Some of the compiler's choices follow from where things lie in memory and from
# the names of files, its own headers and intermediate files among them, whose names
# carry the number of the process unless they are kept. So the same sources give the
# same code only with fixed addresses and environment, in a folder of one name, by
# a compiler that finds itself in a folder of one name, with intermediate files kept,
# and if its allocator, jemalloc, gives no memory back by the clock.
tmp=/tmp/clipcalib-kernels
if ! mkdir "$tmp"; then
	echo "another build uses $tmp, or one was killed: then remove it" >&2
	exit 1
fi
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM HUP
steady="PATH=/usr/bin:/bin MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1"
fixed=
if setarch -R true 2>/dev/null; then fixed="setarch -R"; fi
cp "$here"/*.cu "$here"/*.cuh "$tmp"

sources=$(cd "$here" && cat $(ls *.cu *.cuh | LC_ALL=C sort) | sha256sum | cut -d' ' -f1)
release() { # release COMPILER NAME
	"$1" --version | sed -n "s/^.*release.*, V\(.*\)\$/$2 \1/p"
}
compiler=$(release "$nvcc" nvcc)
# nvcc looks for the rest of its toolkit beside its own file, links followed: that
# alone is copied.
program=$(readlink -f "$(command -v "$nvcc")")
toolkit=$(dirname "$(dirname "$program")")
mkdir -p "$tmp/toolkit/bin"
for part in "$toolkit"/* "$toolkit"/bin/*; do
	name=${part#"$toolkit"/}
	[ "$name" = bin ] || [ "$part" = "$program" ] || ln -s "$part" "$tmp/toolkit/$name"
done
cp "$program" "$tmp/toolkit/bin/nvcc"
nvcc=$tmp/toolkit/bin/nvcc

head_lines() {
	echo "// sources $sources"
	echo "// compiler $compiler"
}

pack() { # pack FILE NAME
	{
		head_lines
		cat "$1"
	} | gzip -9 -n -c >"$1.packed"
	mv "$1.packed" "$out/$2.gz"
}

for capability in 75 80; do
	mkdir "$tmp/kept"
	(cd "$tmp" && env -i $steady $fixed "$nvcc" -ptx --keep --keep-dir kept -arch=compute_$capability ${NVCC_FLAGS:-} -o raw kernels.cu)
	rm -r "$tmp/kept"
	sed -e 's/^\.version .*/.version 7.0/' -e '/^[ \t]*\.pragma "used_bytes_mask/d' "$tmp/raw" >"$tmp/sm_$capability.ptx"
	pack "$tmp/sm_$capability.ptx" sm_$capability.ptx
done
if [ "$what" = ptx ]; then exit; fi

ptxas=${PTXAS:-ptxas}
compiler="$compiler, $(release "$ptxas" ptxas)"
generations="80 86 89 90 100 120"
export ptxas fixed steady
# That for 7.5, which drivers compile, is made for its registers alone.
echo 75 $generations | tr ' ' '\n' | (cd "$tmp" && xargs -P "${JOBS:-$(nproc)}" -I N sh -c \
	'from=sm_80.ptx; [ N != 75 ] || from=sm_75.ptx
	env -i $steady $fixed "$ptxas" -v -arch=sm_N -o sm_N.cubin $from 2>sm_N.info || { cat sm_N.info >&2; exit 1; }')
for n in $generations; do
	abi=$(od -An -tu1 -j8 -N1 "$tmp/sm_$n.cubin" | tr -d ' ')
	if [ $n -lt 100 ] && [ "$abi" != 7 ]; then
		echo "$ptxas writes ELF ABI $abi, drivers for CUDA 12 take 7: use that of CUDA 12.8 or 12.9" >&2
		exit 1
	fi
	pack "$tmp/sm_$n.cubin" sm_$n.cubin
done
{
	head_lines
	echo "kernel generation registers stack spill_stores spill_loads shared"
	for n in 75 $generations; do
		awk -v generation=sm_$n '
			/Compiling entry function/ { split($0, part, "\047"); kernel = part[2] }
			/bytes stack frame/ { stack = $1; stores = $5; loads = $9 }
			/Used .* registers/ {
				shared = 0
				if (match($0, /[0-9]+ bytes smem/)) shared = substr($0, RSTART) + 0
				match($0, /Used [0-9]+/)
				print kernel, generation, substr($0, RSTART + 5) + 0, stack, stores, loads, shared
			}' "$tmp/sm_$n.info"
	done | LC_ALL=C sort -V
} >"$tmp/registers.txt"
mv "$tmp/registers.txt" "$out/registers.txt"
