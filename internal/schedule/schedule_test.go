package schedule

import (
	"bytes"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata anew")

// examples are decoded by the schedulers' own types in scripts/schedulers.
var examples = map[string]Tasks{
	"cpu": {
		Name: "clipcalib-plan", Program: "clipcalib", Plan: "/shared/plan.jsonl", Results: "/shared/results",
		Cells: 2000, AtOnce: 50, Retries: 5, MemoryMiB: 4096, CPUs: 2, Image: "registry.example/clipcalib:1",
		Claims: []Claim{{"shared", "/shared"}},
	},
	"gpu": {
		Name: "clipcalib-tta", Program: "/opt/it's here/clipcalib", Plan: "/plans/tta all.jsonl", Results: "/results",
		Bank: "/results/bank", Scratch: "/local", Maps: []string{"/home/me/data=/data"}, Cells: 3000, Shards: 1200,
		Retries: 3, Time: 90*time.Minute + time.Second, MemoryMiB: 16384, CPUs: 8, GPUs: 1,
		Image: "registry.example/clipcalib:1-cuda", Namespace: "research", Queue: "team-queue",
		Claims: []Claim{{"data", "/data"}, {"results", "/results"}, {"plans", "/plans"}},
	},
}

func TestWhatIsWrittenIsWhatTheSchedulersDecoded(t *testing.T) {
	for name, tasks := range examples {
		for file, write := range map[string]func(io.Writer, Tasks) error{
			name + ".sh": Slurm, name + "-job.yaml": Kubernetes, name + "-queues.yaml": Kueue,
		} {
			var b bytes.Buffer
			if err := write(&b, tasks); err != nil {
				if strings.Contains(file, "queues") && tasks.Queue == "" {
					continue
				}
				t.Fatal(err)
			}
			path := filepath.Join("testdata", file)
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(b.Bytes(), want) {
				t.Errorf("%s differs (%v); after -update run make kubernetes-test:\n%s", path, err, b.Bytes())
			}
		}
	}
}

// slurm stands in for a cluster: its commands write down how they are called.
func slurm(t *testing.T, most string) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{
		"scontrol": `[ "$1" = show ] && printf 'MaxStepCount = 1\nMaxArraySize            = ` + most +
			`\n' || echo "$@" >>"$LOG"`,
		"sbatch": `echo "$@" >>"$LOG"; cat >"$LOG.job"`,
		// What a task runs: it ends with $CODE, on SIGTERM with 143.
		"clipcalib": `printf '%s\n' "$@" >"$LOG.args"; trap 'kill "$!"; exit 143' TERM; sleep "$NAP" & wait; exit "$CODE"`,
		"sleep":     `exec /bin/sleep "$([ "$1" = 600 ] && echo 0 || echo "$1")"`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "LOG="+filepath.Join(dir, "log"))
}

func bash(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here")
	}
	return path
}

func TestTheScriptSplitsArrays(t *testing.T) {
	shell := bash(t)
	for most, want := range map[string]string{
		"1001": "--partition=long --array=0-1000%7 --export=ALL,CLIPCALIB_OFFSET=0\n" +
			"--partition=long --array=0-998%7 --export=ALL,CLIPCALIB_OFFSET=1001\n",
		"2000": "--partition=long --array=0-1999%7 --export=ALL,CLIPCALIB_OFFSET=0\n",
	} {
		dir, env := slurm(t, most)
		tasks := examples["cpu"]
		tasks.AtOnce = 7
		var script bytes.Buffer
		if err := Slurm(&script, tasks); err != nil {
			t.Fatal(err)
		}
		c := exec.Command(shell, "-s", "--", "--partition=long")
		c.Stdin, c.Env = &script, env
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "log")); err != nil || string(got) != want {
			t.Errorf("MaxArraySize %s: %v\n%s\nwant\n%s", most, err, got, want)
		}
	}
}

// job is the script of a task of the example, its program the stand-in.
func job(t *testing.T, name string) string {
	t.Helper()
	tasks := examples[name]
	tasks.Program = "clipcalib"
	var b bytes.Buffer
	if err := Slurm(&b, tasks); err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(b.String(), "<<'JOB'\n")
	text, _, ok := strings.Cut(text, "\nJOB\n")
	if !ok {
		t.Fatal(b.String())
	}
	return text
}

func TestATaskGoesBackIntoTheQueueWhereThatHelps(t *testing.T) {
	shell := bash(t)
	for name, c := range map[string]struct {
		code, restarts string
		signal         string
		want           int
		again          bool
	}{
		"done":              {"0", "0", "", 0, false},
		"failed":            {"1", "0", "", 1, false},
		"misuse":            {"2", "0", "", 2, false},
		"later":             {"75", "0", "", 75, true},
		"killed":            {"137", "0", "", 137, true},
		"later once more":   {"75", "2", "", 75, true},
		"later, too often":  {"75", "3", "", 75, false},
		"its time ends":     {"0", "0", "USR1", 143, true},
		"it is cancelled":   {"0", "0", "TERM", 143, false},
		"its time ends now": {"0", "3", "USR1", 143, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, env := slurm(t, "10")
			nap := "0"
			if c.signal != "" {
				nap = "20"
			}
			cmd := exec.Command(shell, "-c", job(t, "gpu"))
			cmd.Env = append(env, "CODE="+c.code, "NAP="+nap, "SLURM_RESTART_COUNT="+c.restarts, "CLIPCALIB_OFFSET=11",
				"SLURM_ARRAY_JOB_ID=77", "SLURM_ARRAY_TASK_ID=3")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			args := filepath.Join(dir, "log.args")
			for range 1000 {
				if raw, _ := os.ReadFile(args); len(raw) > 0 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if c.signal != "" {
				time.Sleep(100 * time.Millisecond) // until the trap is set
				kill := exec.Command(shell, "-c", "kill -"+c.signal+" $0", strconv.Itoa(cmd.Process.Pid))
				if out, err := kill.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			cmd.Wait()
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			if got := cmd.ProcessState.ExitCode(); got != c.want || (string(log) == "requeue 77_3\n") != c.again {
				t.Errorf("exit code %d, want %d; scontrol %q, again %v", got, c.want, log, c.again)
			}
			raw, err := os.ReadFile(args)
			want := "run\n/plans/tta all.jsonl\n--out\n/results\n--partial-ok\n--shards\n1200\n--bank\n/results/bank\n" +
				"--scratch\n/local\n--map\n/home/me/data=/data\n--device\ncuda\n--offset\n11\n"
			if err != nil || string(raw) != want {
				t.Errorf("%v: %q", err, raw)
			}
		})
	}
}

func TestNamesAreThoseOfKubernetes(t *testing.T) {
	for path, want := range map[string]string{
		"/a/Plan B_2.jsonl": "clipcalib-plan-b-2", "x": "clipcalib-x", "--.jsonl": "clipcalib",
		strings.Repeat("long", 40) + ".jsonl": "clipcalib-" + strings.Repeat("long", 10),
	} {
		if got := Name(path); got != want || !IsName(got) {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestTasksThatCannotBeAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Tasks){
		"--shards 3000":  func(t *Tasks) { t.Shards = 3000 },
		"--at-once":      func(t *Tasks) { t.AtOnce = -1 },
		"--cpus":         func(t *Tasks) { t.CPUs = 0 },
		"--time":         func(t *Tasks) { t.Time = time.Second },
		"--results":      func(t *Tasks) { t.Results = "" },
		"line break":     func(t *Tasks) { t.Plan = "a\nb" },
		"--image":        func(t *Tasks) { t.Image = "" },
		"--name A":       func(t *Tasks) { t.Name = "A" },
		"--queue Q_":     func(t *Tasks) { t.Queue = "Q_" },
		"--claim x=rel":  func(t *Tasks) { t.Claims = []Claim{{"x", "rel"}} },
		"--claim y=/a/":  func(t *Tasks) { t.Claims = []Claim{{"x", "/a"}, {"y", "/a/"}} },
		"--claim s=/scr": func(t *Tasks) { t.Claims = []Claim{{"s", "/scratch"}} },
	} {
		tasks := examples["cpu"]
		change(&tasks)
		err := tasks.Check()
		if err == nil {
			err = tasks.CheckKubernetes()
		}
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
