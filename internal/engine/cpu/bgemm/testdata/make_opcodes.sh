#!/bin/bash
# Writes opcodes.txt: what LLVM's disassembler (llvm-mc 14.0.6) makes of every
# instruction that stands as bytes in the generated assembly, and refuses if
# binutils' (objdump 2.40) makes something else of it.
#
#	bash testdata/make_opcodes.sh      in the folder of package bgemm
set -e
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
grep -h 'BYTE ' ./*_amd64.s | sed 's, // .*,,; s/;//g; s/BYTE \$0x//g; s/^[[:space:]]*//' | LC_ALL=C sort -u > "$work/bytes"
# Both write [a + b] and [a + 1*b] in ways of their own.
plain() { sed 's/[[:space:]]\+/ /g; s/^ *//; s/ *$//; s/, */, /g; s/\[\([a-z0-9]*\) *+ *\([a-z0-9]*\)\*1\]/[\1 + 1*\2]/
	s/\[\([a-z0-9]*\) + \([a-z0-9]*\)\]/[\1 + 1*\2]/'; }
sed 's/\([0-9a-f][0-9a-f]\)/0x\1/g' "$work/bytes" |
	llvm-mc --disassemble --triple=x86_64 -mattr=+avx512bf16,+amx-bf16,+amx-tile --output-asm-variant=1 |
	grep -v '^[[:space:]]*\.text' | plain > "$work/llvm"
for line in $(sed 's/ //g' "$work/bytes"); do printf "$(echo "$line" | sed 's/\(..\)/\\x\1/g')"; done > "$work/code"
objdump -D -b binary -m i386:x86-64 -M intel --insn-width=8 "$work/code" |
	sed -n 's/^ *[0-9a-f]*:\t[^\t]*\t//p' | plain > "$work/gnu"
diff "$work/llvm" "$work/gnu" || { echo "the disassemblers disagree" >&2; exit 1; }
paste -d ';' "$work/bytes" "$work/llvm" > testdata/opcodes.txt
wc -l testdata/opcodes.txt
