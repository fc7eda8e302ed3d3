#!/bin/sh
# one_program.sh PROGRAM EMULATED: one program, where there is no driver and on the
# emulated one of the folder EMULATED. "make cuda-emulated" runs it.
set -eu
program=$1 emulated=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf 'a photo of a cat\n' >"$work/prompts.txt"

fail() {
	echo "one program: $1"
	cat "$work/said"
	exit 1
}

# encode FLAGS...: encodes a prompt; what it says is in said, driver calls in trace.
encode() {
	rm -f "$work/trace"
	: >"$work/trace"
	EMULATOR_TRACE="$work/trace" "$program" encode --weights "$emulated/features/tiny.weights" \
		--texts "$work/prompts.txt" --out "$work/out.npy" "$@" >"$work/said" 2>&1
}
says() { grep -q -e "$1" "$work/said" || fail "$2"; }

# No driver. (A machine with a real one is no place for this half.)
if [ ! -e /dev/nvidiactl ]; then
	unset LD_LIBRARY_PATH
	encode || fail "without a driver, auto is not the processor"
	says '; cpu: ' "without a driver, auto is not the processor"
	! grep -q 'device auto' "$work/said" || fail "auto speaks of a GPU where there is no driver"
	if encode --device cuda; then fail "--device cuda without a driver is not refused"; fi
	says 'no NVIDIA driver on this machine' "without a driver, --device cuda does not say so"
	[ "$(wc -l <"$work/said")" = 1 ] || fail "the refusal is not one line"
	"$program" doctor >"$work/said"
	says 'no NVIDIA driver on this machine' "doctor does not say that there is no driver"
fi

export LD_LIBRARY_PATH="$emulated" EMULATOR_DEVICES=2
encode --device cpu || fail "the processor beside a driver"
[ ! -s "$work/trace" ] || fail "--device cpu loads the driver: $(head -1 "$work/trace")"
encode || fail "auto on a GPU"
says 'device auto takes cuda: Emulated GPU' "auto does not say that it takes the GPU"
says '; cuda: Emulated GPU' "auto does not take the GPU"
grep -q init "$work/trace" || fail "the GPU was taken without its driver"
mv "$work/out.npy" "$work/auto.npy"
for kind in cuda cuda:1; do
	encode --device $kind || fail "--device $kind"
	cmp "$work/auto.npy" "$work/out.npy" || fail "--device $kind gives other bytes than auto"
done
if encode --device cuda:2; then fail "a third of two GPUs is not refused"; fi
says 'no GPU 2 among the 2' "which GPUs there are is not said"
EMULATOR_RETAIN=46 encode || fail "auto where the GPU is taken"
says 'device auto takes the processor: .*taken by another process' "auto does not say why it passes over the GPU"
says '; cpu: ' "auto does not go on with the processor"

# pictures FLAGS...: encodes 23 pictures, two at a time.
mkdir "$work/pictures"
i=0
while [ $i -lt 23 ]; do
	{ printf 'P6 24 24 255\n'; yes "picture $i of them" | head -c 1728; } >"$work/pictures/$i.ppm"
	i=$((i + 1))
done
pictures() {
	"$program" encode --weights "$emulated/features/tiny.weights" --images "$work/pictures" --batch 2 --out "$work/out.npy" \
		"$@" >"$work/said" 2>&1
}
EMULATOR_DEVICES=3
pictures --device cuda || fail "pictures on a GPU"
mv "$work/out.npy" "$work/one.npy"
for kind in cuda:all cuda:0,2 cuda:2,1; do
	: >"$work/trace"
	EMULATOR_TRACE="$work/trace" pictures --device $kind || fail "pictures with --device $kind"
	says 'pictures are encoded on [23] GPUs' "--device $kind does not say on how many"
	[ "$(grep -c retain "$work/trace")" -ge 2 ] || fail "--device $kind takes one GPU alone"
	cmp "$work/one.npy" "$work/out.npy" || fail "--device $kind gives other bytes than one GPU"
done
if encode --device cuda:all; then fail "prompts on several GPUs are not refused"; fi
says 'name one, as in cuda:0' "what several GPUs do not do is not said"
if pictures --device cuda:0,3; then fail "a GPU that is not there is not refused"; fi
says 'no GPU 3 among the 3' "which of several GPUs is not there is not said"
if EMULATOR_RETAIN=46 pictures --device cuda:all; then fail "GPUs that are taken are not refused"; fi
says 'taken by another process' "why several GPUs cannot be used is not said"
[ "$(wc -l <"$work/said")" = 1 ] || fail "the refusal of several GPUs is not one line"
EMULATOR_DEVICES=2
"$program" doctor >"$work/said"
says 'GPU cuda:1 *Emulated GPU, 1.0 GiB' "doctor does not list the GPUs"
says 'device auto *cuda: Emulated GPU' "doctor does not say what auto takes"
echo "one program: as it should be without a driver and on the emulated one"
