#!/usr/bin/env bash
# A cluster of one machine on the loopback, by Debian's packages of Slurm: an array
# whose tasks are killed, requeued and asked to try again ends in the same bytes as
# one process. Used by make slurm-test. Nothing outside a temporary folder is
# written, and what was started is stopped.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(realpath "${1:-bin/clipcalib}")
for need in slurmctld slurmd munged sbatch; do
    if ! command -v "$need" >/dev/null; then
        if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
            echo "slurm-test: skipped, $need is not installed (slurmctld, slurmd, munge and slurm-client of Debian)"
            exit 0
        fi
        apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge >/dev/null 2>&1 ||
            { apt-get update -qq && apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge; } \
                >/dev/null 2>&1 || { echo "slurm-test: skipped, Slurm cannot be installed here"; exit 0; }
    fi
done
if [ "$(id -u)" != 0 ]; then
    echo "slurm-test: skipped, slurmd wants to be root"
    exit 0
fi

dir=$(mktemp -d)
started=()
finish() {
    code=$?
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    [ "$code" = 0 ] || tail -n 20 "$dir"/*.log "$dir"/slurm-*.out 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT

node=$(hostname -s)
dd if=/dev/urandom of="$dir/key" bs=1024 count=1 status=none
chmod 600 "$dir/key"
mkdir "$dir/state" "$dir/spool"
cat >"$dir/slurm.conf" <<CONF
ClusterName=loopback
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=root
AuthType=auth/munge
# A task that is requeued waits for its old credential to expire.
AuthInfo=socket=$dir/munge.socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
MaxArraySize=7
KillWait=5
ReturnToService=2
NodeName=$node NodeAddr=127.0.0.1 CPUs=4 RealMemory=4096 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF="$dir/slurm.conf"
munged --foreground --force --key-file="$dir/key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" \
    --log-file="$dir/munged.log" --seed-file="$dir/seed" >/dev/null 2>&1 & started+=($!)
for _ in $(seq 50); do [ -S "$dir/munge.socket" ] && break; sleep 0.1; done
slurmctld -D -f "$SLURM_CONF" >/dev/null 2>&1 & started+=($!)
slurmd -D -f "$SLURM_CONF" >/dev/null 2>&1 & started+=($!)
for _ in $(seq 300); do sinfo -h -o %T 2>/dev/null | grep -q idle && break; sleep 0.2; done
sinfo -h -o %T | grep -q idle || { echo "slurm-test: the node does not come up"; sinfo; exit 1; }
sinfo --version

# 18 cells, of which the arrays' tasks are one each.
cat >"$dir/program" <<PROGRAM
#!/bin/sh
# Two tasks find their first try hopeless.
if [ "\$SLURM_ARRAY_TASK_ID" = 2 ] && [ "\${SLURM_RESTART_COUNT:-0}" = 0 ]; then exit 75; fi
exec "$program" "\$@"
PROGRAM
chmod +x "$dir/program"
go run ./scripts/slurm/features "$dir/train.safetensors" "$dir/test.safetensors"
grid=(zslp,taskres,clip-adapter --remedy "none,penalty,sals" --seed 1,2 --epochs "${EPOCHS:-1500}"
    --features "$dir/train.safetensors" --targets "$dir/test.safetensors")
"$program" plan adapt "${grid[@]}" --out "$dir/plan.jsonl" -q
"$program" plan "$dir/plan.jsonl" --slurm "$dir/submit.sh" --program "$dir/program" --results "$dir/results" \
    --scratch "$dir/scratch" --cpus 1 --memory 256M --at-once 2 --time 30m -q
cd "$dir"

# busy waits until the queue is empty, and meanwhile kills and requeues.
hits=0
busy() {
    while [ -n "$(squeue -h)" ]; do
        sleep 1
        running=$(squeue -h -t R -o %i | shuf -n 1)
        [ -n "$running" ] && [ "$hits" -lt "$1" ] || continue
        if [ $((hits % 2)) = 0 ]; then
            scontrol requeue "$running" 2>/dev/null || continue
            echo "requeued $running"
        else
            victim=$(pgrep -f "$program run $dir/plan.jsonl" | shuf -n 1) && kill -KILL "$victim" 2>/dev/null || continue
            echo "killed the program of a task"
        fi
        hits=$((hits + 1))
    done
}
./submit.sh
busy 8
[ "$hits" -ge 4 ] || { echo "slurm-test: $hits tasks were hit: the work is too short (EPOCHS)"; exit 1; }
echo "the arrays are through:"
code=0
"$program" collect plan.jsonl --out results >/dev/null 2>"$dir/collect.log" || code=$?
tail -n 1 "$dir/collect.log"
[ "$code" = 75 ] || [ "$code" = 0 ]
if [ "$code" = 75 ]; then
    ./submit.sh
    busy 0
fi
"$program" collect plan.jsonl --out results --runs runs >/dev/null
"$program" adapt "${grid[@]}" --threads 1 --out grid -q >/dev/null
diff -r grid runs
echo "slurm-test: $hits tasks killed or requeued, $(ls runs | wc -l) runs, the same bytes as one process"
