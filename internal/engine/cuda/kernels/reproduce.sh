#!/bin/sh
# reproduce.sh [ptx]: whether the kernels' code is the same bytes wherever and
# whenever it is compiled. It is made twice, from two folders by two processes with
# $NVCC and $PTXAS as in make.sh ("ptx": without machine code), and compared with each
# other and, if these compilers made it, with what is embedded.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
for folder in a "another, of a longer name"; do
	mkdir -p "$work/$folder/kernels" "$work/$folder/out"
	cp "$here"/*.cu "$here"/*.cuh "$here/make.sh" "$work/$folder/kernels"
	sh "$work/$folder/kernels/make.sh" "$work/$folder/out" "${1:-all}"
done
bad=0
origin() { # of a packed file, or of the table of registers
	case $1 in
	*.gz) gunzip -c "$1" ;;
	*) cat "$1" ;;
	esac | head -n 2 | tr '\n' ' '
}
for f in "$work"/a/out/*; do
	name=$(basename "$f")
	if ! cmp "$f" "$work/another, of a longer name/out/$name"; then
		echo "$name: not the same bytes from two folders"
		bad=1
	elif cmp -s "$f" "$here/$name"; then
		echo "$name: the same bytes from two folders, and as embedded"
	elif [ "$(origin "$f")" = "$(origin "$here/$name")" ]; then
		echo "$name: the same bytes from two folders, but others are embedded: run make cuda-ptx"
		bad=1
	else
		echo "$name: the same bytes from two folders; other sources or compilers made what is embedded"
	fi
done
exit $bad
