#!/bin/bash
# Writes opcodes.txt: what LLVM's disassembler (llvm-mc 14.0.6) makes of every
# instruction that stands as a word in the generated assembly for arm64, and refuses
# if binutils' (aarch64-linux-gnu-objdump 2.40) makes something else of it.
#
#	bash neon/testdata/make_opcodes.sh      in the folder of package cpu
set -e
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
grep -h 'WORD ' ./*/*_arm64.s ../../imageio/*_arm64.s | sed 's/.*\$0x\([0-9a-f]*\).*/\1/' | LC_ALL=C sort -u > "$work/words"
plain() { sed 's/[[:space:]]\+/ /g; s/^ *//; s/ *$//; s/, */, /g'; }
sed 's/\(..\)\(..\)\(..\)\(..\)/0x\4 0x\3 0x\2 0x\1/' "$work/words" |
	llvm-mc --disassemble --triple=aarch64 -mattr=+bf16 | grep -v '^[[:space:]]*\.text' | plain > "$work/llvm"
for w in $(cat "$work/words"); do printf "$(echo "$w" | sed 's/\(..\)\(..\)\(..\)\(..\)/\\x\4\\x\3\\x\2\\x\1/')"; done \
	> "$work/code"
aarch64-linux-gnu-objdump -D -b binary -m aarch64 "$work/code" |
	sed -n 's/^ *[0-9a-f]*:\t[^\t]*\t//p' | plain > "$work/gnu"
diff "$work/llvm" "$work/gnu" || { echo "the disassemblers disagree" >&2; exit 1; }
paste -d ';' "$work/words" "$work/llvm" > neon/testdata/opcodes.txt
wc -l neon/testdata/opcodes.txt
