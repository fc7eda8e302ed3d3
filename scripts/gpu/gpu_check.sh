#!/bin/sh
# gpu_check.sh [-d DIR] [-o OUT] [-t SECONDS] [GROUP...]: checks the GPU engine on
# a machine with an NVIDIA GPU, from the programs that "make gpu-check-files"
# built elsewhere into DIR (default .cache/gpu-check). The machine needs the
# driver, python3 with PyTorch, and cuBLAS 12 or 13 (PyTorch brings it); no Go.
#
#   quick   three minutes that answer the main questions: the fast path is taken,
#           and encode, coop, tpt and taskres beside PyTorch, once
#   goal    kernels, and the race for those units in full
#   parity  kernels against the reference engine, models against the processor,
#           features against float64 beside PyTorch's own
#   soak    10,000 training steps of two kinds, memory as it was
#   faults  what can go wrong: one line each, and nothing lost
#   demo    the demo in every precision and on the processor; default precision
#   bench   what clipcalib reaches, with shares of the measured peaks
#   speed   the race with PyTorch
#   all     (default) all of these
# and, to find out why something is wrong or slow:
#   sanitize  the kernels under compute-sanitizer
#   profile   which kernels take the time, by Nsight Compute (ncu)
#   tune      the fastest of cublasLt's algorithms by shape, as lines for
#             internal/engine/cuda/algorithms.txt (algorithms.txt in OUT)
#   ptx       the embedded code, made again by the machine's nvcc
#
# A call ends after SECONDS (default 570). What did not fit, or failed, is done by
# the next call with the same arguments; what was ok is not repeated. State is in
# GPU_CHECK_WORK (default .cache/gpu-check-run), results (a summary, figures, the
# benchmarks, all logs in one archive) are copied to OUT: by default the folder that
# the environment names as OUT, whose files come back from a lent machine, else
# runs/gpu-check. state.tar.gz there, carried to another machine's OUT, lets it go
# on. All takes some three calls on an H200: the goal first, then profile and
# parity, faults and demo last.
# Ends with 1 if a step failed, 3 if some are left for another call.
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=.cache/gpu-check out=${OUT:-runs/gpu-check} limit=570
while getopts d:o:t: option; do
	case $option in
	d) dir=$OPTARG ;;
	o) out=$OPTARG ;;
	t) limit=$OPTARG ;;
	*) sed -n '2s/^# //p' "$0" >&2 && exit 2 ;;
	esac
done
shift $((OPTIND - 1))
groups=${*:-all}
everything="goal profile parity bench speed soak faults demo"
groups=$(for g in $groups; do if [ "$g" = all ]; then echo "$everything"; else echo "$g"; fi; done)
begun=$(date +%s)
work=${GPU_CHECK_WORK:-.cache/gpu-check-run}
mkdir -p "$work" "$out" || exit 1
work=$(cd "$work" && pwd) out=$(cd "$out" && pwd)
python=${PYTHON:-python3}
smoke=${CLIPCALIB_GPU_SMOKE:-} # to try this script, on an emulated driver
failed=0 left=0

. scripts/gpu/gpu_check_steps.sh

unpack
find_blas
export CLIPCALIB_GPU=required CLIPCALIB_GPU_FEATURES="$work/features"
trap 'finish' EXIT
trap 'exit 1' INT TERM HUP
nvidia-smi >"$work/logs/nvidia-smi.log" 2>&1 || echo "nvidia-smi does not run"
"$bin/clipcalib" doctor | tee "$work/logs/doctor.log"
echo "first start: $(($(date +%s) - begun)) s"
if ! grep -q '^ok *cuda engine' "$work/logs/doctor.log"; then
	echo "no GPU engine: nothing can be checked"
	failed=1
	exit 1
fi

for group in $groups; do
	case $group in
	quick)
		gpu_test fastpath 45 'FastPath'
		race quick 110 --only encode:bf16,coop:bf16,tpt:bf16,taskres --rounds 1 --batch 256 --no-compile
		;;
	goal)
		gpu_test fastpath 45 'FastPath'
		gpu_test kernels 90 'Kernels|Recording|Apart'
		race goal 120 --only encode:bf16,coop:bf16,tpt:bf16,taskres,maple:bf16,pretrain:tf32
		;;
	tune) tune ;;
	parity)
		gpu_test kernels 90 'Kernels|Recording|Apart'
		gpu_test features 60 'Features'
		step accuracy 60 "$python" scripts/gpu/gpu_check_accuracy.py "$work/features" ${smoke:+--device cpu}
		gpu_test models 120 'Models'
		;;
	ptx)
		if command -v "${NVCC:-nvcc}" >/dev/null; then step ptx 60 make_ptx; else echo "ptx: skipped, there is no nvcc here"; fi
		;;
	profile)
		if command -v ncu >/dev/null; then step profile 200 profile; else echo "profile: skipped, there is no ncu here"; fi
		;;
	soak) gpu_test soak 90 'Soak' ;;
	faults)
		[ -f "$work/features/$small.weights" ] || gpu_test features 60 'Features'
		step faults 150 "$python" scripts/gpu/gpu_check_faults.py --clipcalib "$bin/clipcalib" --weights "$work/features/$small.weights" \
			--work "$work/faults" ${smoke:+--emulated}
		;;
	demo)
		step demos 150 demos
		step demo-speed 40 bench "$work/demo-speed.json" "$precisions" images "$reference"
		step demo 5 "$python" scripts/gpu/gpu_check_demo.py "$work/demos" "$work/demo-speed.json"
		;;
	bench)
		for p in $(echo "$precisions" | tr , ' '); do
			step "bench-$p" 100 bench "$work/bench-$p.json" "$p" peaks,images,latency,prompts,taskres,coop,tpt,products "$models"
		done
		;;
	speed) race speed 60 ;;
	sanitize)
		if command -v compute-sanitizer >/dev/null; then
			step sanitize 300 compute-sanitizer --error-exitcode 1 "$bin/gpu.test" -test.run 'Kernels'
		else
			echo "sanitize: skipped, there is no compute-sanitizer here"
		fi
		;;
	*)
		echo "group $group is unknown: quick, goal, tune, parity, soak, faults, demo, bench, speed, sanitize, profile, ptx, all" >&2
		exit 2
		;;
	esac
done
[ "$failed" -eq 0 ] && [ "$left" -ne 0 ] && exit 3
exit "$failed"
