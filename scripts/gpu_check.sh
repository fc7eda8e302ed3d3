#!/bin/sh
# gpu_check.sh [DIR] [OUT]: the whole check of the GPU engine, in one go, on a
# machine with an NVIDIA GPU, from the binaries that "make gpu-check-files"
# built elsewhere into DIR (default .cache/gpu-check). The machine needs the
# driver and cuBLAS 12 or 13, no Go; nvcc and PyTorch are used where they are.
# Logs and figures go to OUT (default runs/gpu-check). Ends with 1 if a step
# failed; STEP_SECONDS bounds each step (default 600).
set -u
cd "$(dirname "$0")/.."
dir=${1:-.cache/gpu-check}
out=${2:-runs/gpu-check}
case $dir in /*) ;; *) dir=$(pwd)/$dir ;; esac
case $out in /*) ;; *) out=$(pwd)/$out ;; esac
limit=${STEP_SECONDS:-600}
mkdir -p "$out"
: >"$out/summary.txt"
rm -f "$out/figures.jsonl"
failed=0

for f in clipcalib gpu.test; do
	if [ ! -x "$dir/$f" ]; then
		echo "$dir/$f is missing: run make gpu-check-files where Go is" >&2
		exit 1
	fi
done

say() { echo "$*" | tee -a "$out/summary.txt"; }

# step NAME COMMAND...: runs a command with its output in OUT/NAME.log.
step() {
	name=$1
	shift
	begun=$(date +%s)
	if timeout "$limit" "$@" >"$out/$name.log" 2>&1; then verdict=ok; else verdict="FAILED ($?)" failed=1; fi
	say "$verdict  $name  $(($(date +%s) - begun)) s"
	[ "$verdict" = ok ] || tail -n 15 "$out/$name.log"
}

# refuses NAME WORDS COMMAND...: the command must fail with one line that holds
# the words.
refuses() {
	name=$1 words=$2
	shift 2
	if timeout "$limit" "$@" >"$out/$name.log" 2>&1; then
		say "FAILED  $name: no error"
		failed=1
	elif [ "$(wc -l <"$out/$name.log")" -eq 1 ] && grep -q "$words" "$out/$name.log"; then
		say "ok  $name: $(cat "$out/$name.log")"
	else
		say "FAILED  $name: $(head -n 3 "$out/$name.log")"
		failed=1
	fi
}

# The tests run where their data is.
gpu_test() {
	name=$1
	shift
	step "$name" sh -c 'cd internal/engine/cuda/nvidia && exec "$@"' sh "$dir/gpu.test" -test.v -test.timeout "${limit}s" "$@"
}

export CLIPCALIB_GPU=required
nvidia-smi >"$out/nvidia-smi.txt" 2>&1 || say "nvidia-smi does not run"
step doctor "$dir/clipcalib" doctor
gpu_test kernels -test.run 'Kernels|Recording'
gpu_test models -test.run 'Models'
gpu_test soak -test.run 'Soak'
step demo-cpu "$dir/clipcalib" demo --device cpu --out "$out/demo-cpu"
step demo-cuda "$dir/clipcalib" demo --device cuda --out "$out/demo-cuda"
step demo-compare "${PYTHON:-python3}" scripts/gpu_check_demo.py "$out/demo-cpu" "$out/demo-cuda"

refuses no-gpu-visible "sees no GPU" env CUDA_VISIBLE_DEVICES= "$dir/clipcalib" bench --device cuda
refuses unknown-precision "precision" "$dir/clipcalib" bench --device cuda --precision int3
refuses out-of-memory "out of GPU memory" "$dir/clipcalib" bench --device cuda --models ViT-L/14 --batches 60000

if command -v nvcc >/dev/null; then
	step ptx sh -c 'k=internal/engine/cuda/kernels; mkdir -p "$1/kernels"; NVCC=nvcc sh $k/make.sh "$1/kernels" && for f in $k/*.gz; do cmp "$1/kernels/${f##*/}" $f || echo "differs: another version of nvcc made the embedded code"; done' sh "$out"
fi

CLIPCALIB_GPU_FIGURES=$out/figures.jsonl
export CLIPCALIB_GPU_FIGURES
gpu_test speed -test.run 'Speed'
for p in fp32 tf32 bf16 fp16; do
	step "bench-$p" sh -c '"$1" bench --device cuda --precision "$2" --batches 32,256 --json >"$3"' sh "$dir/clipcalib" "$p" "$out/bench-$p.json"
done
python=${PYTHON:-python3}
if $python -c 'import torch' 2>/dev/null; then
	step torch $python scripts/gpu_check_torch.py --out "$out/figures.jsonl"
	step compare $python scripts/gpu_check_torch.py --compare "$out/figures.jsonl"
	[ -f "$out/compare.log" ] && cat "$out/compare.log"
else
	say "skipped  torch: PyTorch is not installed for $python"
fi
exit $failed
