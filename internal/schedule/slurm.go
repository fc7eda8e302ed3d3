package schedule

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/template"
	"time"
)

// endingSoon is how long before its end a task is told, so that it can write
// down where it is.
const endingSoon = 90

// slurmScript submits arrays. A task that asks for another try, or that its time
// limit is about to end, puts itself back into the queue; one that is cancelled
// does not.
var slurmScript = template.Must(template.New("").Parse(`#!/usr/bin/env bash
# Submits the {{.Count}} tasks of a plan of {{.Cells}} cells to Slurm. Written by clipcalib plan.
# What stands behind this script's name goes to sbatch, such as --partition or --account.
# A cell that is done is kept: to do what is missing, submit again.
set -euo pipefail
tasks={{.Count}}
most=$(scontrol show config | sed -n 's/^MaxArraySize *= *\([0-9][0-9]*\).*/\1/p')
if [ -z "$most" ]; then
    echo "scontrol show config names no MaxArraySize" >&2
    exit 1
fi
# Numbers of an array end at MaxArraySize-1, so more tasks are several arrays.
for ((offset = 0; offset < tasks; offset += most)); do
    n=$((tasks - offset < most ? tasks - offset : most))
    sbatch "$@" --array="0-$((n - 1)){{if .AtOnce}}%{{.AtOnce}}{{end}}" --export="ALL,CLIPCALIB_OFFSET=$offset" <<'JOB'
#!/usr/bin/env bash
#SBATCH --job-name={{.Name}}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@{{.EndingSoon}}
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={{.CPUs}}
#SBATCH --mem={{.MemoryMiB}}M
{{- if .Limit}}
#SBATCH --time={{.Limit}}
{{- end}}
{{- if .GPUs}}
#SBATCH --gres=gpu:{{.GPUs}}
{{- end}}
ending= told= code=
trap 'told=1; ending=1; kill -TERM "$run" 2>/dev/null' USR1
trap 'told=1; kill -TERM "$run" 2>/dev/null' TERM
{{.Command}} --offset "$CLIPCALIB_OFFSET" &
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
if [ -n "$again" ] && [ "${SLURM_RESTART_COUNT:-0}" -lt {{.Retries}} ]; then
    echo "task $SLURM_ARRAY_TASK_ID ended with $code and goes back into the queue"
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" && sleep 600
fi
exit "$code"
JOB
done
`))

// Slurm writes a script that submits the tasks.
func Slurm(w io.Writer, t Tasks) error {
	var command []string
	for _, arg := range append([]string{t.Program}, t.run()...) {
		command = append(command, quote(arg))
	}
	limit := ""
	if t.Time > 0 {
		seconds := int64((t.Time + time.Second - 1) / time.Second)
		limit = fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	}
	return slurmScript.Execute(w, struct {
		Tasks
		Command, Limit string
		EndingSoon     int
	}{t, strings.Join(command, " "), limit, endingSoon})
}

// oneWord are texts that a shell takes as they are.
var oneWord = regexp.MustCompile(`^[-a-zA-Z0-9_./=:,+@]+$`)

// quote makes a text one word of a shell.
func quote(s string) string {
	if oneWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
