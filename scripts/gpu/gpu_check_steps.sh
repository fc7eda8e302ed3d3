# gpu_check_steps.sh: what gpu_check.sh is made of; it sources this file with
# work, out, dir, limit, begun, python and smoke set, failed and left 0.

if [ -n "$smoke" ]; then
	smoke=1 small=tiny reference=tiny models=tiny precisions=fp32,bf16 sizes="--batches 2 --prompts 5 --classes 3 --steps 0"
else
	small=ViT-B_32 reference=ViT-B/16 models=ViT-B/32,ViT-B/16,ViT-L/14 precisions=bf16,fp16,tf32,fp32 sizes="--batches 32,256"
fi

# unpack brings the programs from dir. Results of other programs are forgotten.
unpack() {
	bin=$work/bin
	for f in clipcalib gpu.test; do
		[ -f "$dir/$f.gz" ] && continue
		echo "$dir/$f.gz is missing: run make gpu-check-files where Go is" >&2
		exit 1
	done
	now=$(cksum "$dir/clipcalib.gz" "$dir/gpu.test.gz")
	if [ "$(cat "$work/programs" 2>/dev/null)" != "$now" ]; then
		for old in bin steps logs features demos figures.jsonl bench-bf16.json bench-fp16.json bench-tf32.json bench-fp32.json; do rm -rf "${work:?}/$old"; done
		mkdir -p "$bin"
		for f in clipcalib gpu.test; do
			gunzip -c "$dir/$f.gz" >"$bin/$f" && chmod +x "$bin/$f" || exit 1
		done
		echo "$now" >"$work/programs"
	fi
	[ -z "$smoke" ] || stand_in_for_ncu
	mkdir -p "$work/logs" "$work/steps"
	# What another machine finished with these programs came back in OUT.
	if [ -f "$out/state.tar.gz" ] && [ -z "$(ls "$work/steps")" ]; then
		tar -xzf "$out/state.tar.gz" -C "$work" && [ "$(cat "$work/state")" = "$now" ] || rm -rf "$work/steps" "$work/figures.jsonl" "$work"/bench-*.json
		mkdir -p "$work/logs" "$work/steps"
		rm -f "$work/state"
	fi
}

# stand_in_for_ncu lets the group profile be tried where Nsight Compute is not: the
# program runs, and one launch is made up.
stand_in_for_ncu() {
	cat >"$bin/ncu" <<-'END'
		#!/bin/sh
		while [ "${1##*/}" != clipcalib ]; do shift; done
		"$@" >&2 || exit
		echo '"Kernel Name","Metric Name","Metric Unit","Metric Value"'
		echo '"made_up(float *)","gpu__time_duration.sum","us","1,234.5"'
	END
	chmod +x "$bin/ncu"
	PATH=$bin:$PATH
}

# keep_state packs what is finished, for the next machine.
keep_state() {
	echo "$now" >"$work/state"
	(cd "$work" && tar -czf "$out/state.tar.gz" state steps logs $(ls figures.jsonl bench-*.json 2>/dev/null))
	rm -f "$work/state"
}

# find_blas lets both sides use the cuBLAS that PyTorch brings, if it does.
find_blas() {
	[ -n "$smoke" ] && return
	blas=$("$python" -c 'import glob, os, sys
found = [f for p in sys.path for f in sorted(glob.glob(p + "/nvidia/*/lib/libcublasLt.so.1[23]"))]
print(os.path.dirname(found[-1]) if found else "")' 2>/dev/null)
	if [ -n "$blas" ]; then
		echo "cuBLAS: PyTorch's own, in $blas"
		LD_LIBRARY_PATH=$blas${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
		export LD_LIBRARY_PATH
	fi
}

remaining() { echo $((limit - $(date +%s) + begun)); }

# step NAME SECONDS COMMAND...: runs a command that takes about so long, with its
# output in a log, unless an earlier call did.
step() {
	name=$1 needs=$2
	shift 2
	if [ -f "$work/steps/$name" ] && grep -q '^ok' "$work/steps/$name"; then return; fi
	if [ "$(remaining)" -lt "$needs" ]; then
		echo "left  $name" >"$work/steps/$name"
		left=1
		return
	fi
	echo "... $name"
	started=$(date +%s)
	run_limited "$@" >"$work/logs/$name.log" 2>&1
	code=$?
	case $code in
	0) verdict=ok ;;
	3) verdict=part left=1 ;;
	124) verdict="TIME-OUT" failed=1 ;;
	*) verdict="FAILED($code)" failed=1 ;;
	esac
	echo "$verdict  $name  $(($(date +%s) - started)) s" | tee "$work/steps/$name"
	[ "$code" -eq 0 ] || tail -n 12 "$work/logs/$name.log"
}

# run_limited runs a program, or a function of this file, in the time that is left.
run_limited() {
	case $(command -v "$1") in
	/*) timeout -k 5 "$(($(remaining) - 5))" "$@" ;;
	*) "$@" ;;
	esac
}

# gpu_test NAME SECONDS PATTERN runs tests where their data is.
gpu_test() {
	step "$1" "$2" /bin/sh -c 'cd internal/engine/cuda/nvidia && exec "$@"' sh "$bin/gpu.test" -test.v -test.run "$3"
}

# bench FILE PRECISIONS PARTS MODELS measures, a second a figure.
bench() {
	# shellcheck disable=SC2086
	timeout "$(remaining)" "$bin/clipcalib" bench -q --device cuda --precision "$2" --what "$3" --models "$4" --keep-models "$work/models" $sizes --time 1s --json >"$1" &&
		"$bin/clipcalib" bench --show "$1"
}

# race NAME SECONDS ARGUMENTS... races PyTorch, as far as time goes.
race() {
	race=$1 needs=$2
	shift 2
	step "$race" "$needs" "$python" scripts/gpu/gpu_check_torch.py --clipcalib "$bin/clipcalib" --out "$work/figures.jsonl" --models "$work/models" \
		--seconds $(($(remaining) - 15)) "$@" ${smoke:+--smoke}
}

# tune writes a table of algorithms to OUT.
tune() {
	CLIPCALIB_GPU_TUNE=$out/algorithms.txt
	export CLIPCALIB_GPU_TUNE
	gpu_test tune 200 'Tune'
}

# demos runs the demo on the processor and in every precision, all at once: no
# time is taken of it.
demos() {
	mkdir -p "$work/demos"
	pids=
	all="cpu $(echo "$precisions" | tr , ' ')"
	for p in $all; do
		device=cuda precision=$p short=
		if [ "$p" = cpu ]; then device=cpu precision=fp32; fi
		if [ -n "$smoke" ]; then device=cpu precision=fp32 short="--seeds 1 --epochs 1"; fi
		# shellcheck disable=SC2086
		timeout "$(remaining)" "$bin/clipcalib" demo -q --device $device --precision $precision $short --out "$work/demos/$p" >"$work/logs/demo-$p.log" 2>&1 &
		pids="$pids $!"
	done
	bad=0
	for pid in $pids; do wait "$pid" || bad=1; done
	for p in $all; do tail -n 3 "$work/logs/demo-$p.log"; done
	return $bad
}

# profile lists the kernels of encoding and of prompt learning in bf16.
profile() {
	logs= profiled=$sizes
	[ -z "$smoke" ] && profiled="--batches 256"
	for what in images coop; do
		# shellcheck disable=SC2086
		timeout "$(remaining)" ncu --csv --clock-control none --cache-control none --metrics gpu__time_duration.sum --launch-count 3000 \
			"$bin/clipcalib" bench -q --device cuda --precision bf16 --what $what --models "$reference" --keep-models "$work/models" $profiled --time 1ms \
			>"$work/logs/profile-$what.csv" || return 1
		logs="$logs $work/logs/profile-$what.csv"
	done
	# shellcheck disable=SC2086
	"$python" scripts/gpu/gpu_check_profile.py $logs
}

# make_ptx makes the embedded code again with this machine's compiler: machine code,
# too, where PTXAS names the assembler for it.
make_ptx() {
	mkdir -p "$work/code"
	what=ptx
	[ -z "${PTXAS:-}" ] || what=all
	NVCC=${NVCC:-nvcc} sh internal/engine/cuda/kernels/make.sh "$work/code" $what || return 1
	for f in "$work"/code/*.gz; do
		if cmp "$f" "internal/engine/cuda/kernels/$(basename "$f")"; then
			echo "$(basename "$f"): as embedded"
		else
			echo "differs: another version of nvcc made the embedded code"
		fi
	done
}

# figures_of prints what a log has to say.
figures_of() {
	case $1 in
	kernels) # operations with their largest difference from the reference
		sed -n 's/^ *\([A-Za-z][A-Za-z0-9_.]*\) *\([0-9.]*e[-+][0-9]*\)$/\1 \2/p' "$work/logs/$1.log" |
			awk '$2 + 0 >= worst[$1] + 0 { worst[$1] = $2 } END { for (op in worst) printf "%-24s %s%s\n", op, worst[op], (op !~ /[.]/ && worst[op] + 0 > 1e-5 ? "  beyond 1e-5" : "") }' | sort
		;;
	models | soak | tune) sed -n 's/^ *[a-z_]*_test.go:[0-9]*: //p' "$work/logs/$1.log" ;;
	*) cat "$work/logs/$1.log" ;;
	esac
}

# report prints what the named logs have to say, if they are there.
report() {
	for log in "$@"; do
		[ -f "$work/logs/$log.log" ] && echo && echo "== $log" && figures_of "$log"
	done
}

# finish prints the summary, of which OUT gets more, and brings the results to out.
finish() {
	if [ -f "$work/figures.jsonl" ]; then "$python" scripts/gpu/gpu_check_table.py "$work/figures.jsonl" >"$work/logs/table.log" 2>&1; fi
	{
		date -u
		report doctor bench-bf16 bench-fp16 bench-tf32 bench-fp32
	} >"$out/summary.txt"
	{
		report fastpath kernels models accuracy tune ptx soak faults demo profile table
		echo
		echo "== steps"
		cat "$work"/steps/* 2>/dev/null
	} | tee -a "$out/summary.txt"
	for f in "$work"/figures.jsonl "$work"/bench-*.json; do [ -f "$f" ] && cp "$f" "$out"; done
	tar -czf "$out/logs.tar.gz" -C "$work" logs
	keep_state
}
