#!/usr/bin/env bash
# Submits the 2000 tasks of a plan of 2000 cells to Slurm. Written by clipcalib plan.
# What stands behind this script's name goes to sbatch, such as --partition or --account.
# A cell that is done is kept: to do what is missing, submit again.
set -euo pipefail
tasks=2000
most=$(scontrol show config | sed -n 's/^MaxArraySize *= *\([0-9][0-9]*\).*/\1/p')
if [ -z "$most" ]; then
    echo "scontrol show config names no MaxArraySize" >&2
    exit 1
fi
# Numbers of an array end at MaxArraySize-1, so more tasks are several arrays.
for ((offset = 0; offset < tasks; offset += most)); do
    n=$((tasks - offset < most ? tasks - offset : most))
    sbatch "$@" --array="0-$((n - 1))%50" --export="ALL,CLIPCALIB_OFFSET=$offset" <<'JOB'
#!/usr/bin/env bash
#SBATCH --job-name=clipcalib-plan
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@90
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --mem=4096M
ending= told= code=
trap 'told=1; ending=1; kill -TERM "$run" 2>/dev/null' USR1
trap 'told=1; kill -TERM "$run" 2>/dev/null' TERM
clipcalib run /shared/plan.jsonl --out /shared/results --partial-ok --device cpu --threads 2 --offset "$CLIPCALIB_OFFSET" &
run=$!
while :; do # a signal ends the waiting, not the program
    told=
    wait "$run"
    got=$?
    [ -n "$code" ] && [ "$got" = 127 ] || code=$got
    [ -n "$told" ] || break
done
again=
case $code in
75 | 137) again=1 ;;      # it may do better later; it was killed
143) again=$ending ;;     # it was told that its time ends
esac
if [ -n "$again" ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 5 ]; then
    echo "task $SLURM_ARRAY_TASK_ID ended with $code and goes back into the queue"
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" && sleep 600
fi
exit "$code"
JOB
done
