package cli

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestKilledShardsEndInTheSameBytes: eight processes do the shards of a plan and
// are killed at random, fifty times in all, at whatever they do, and started
// again. What is collected in the end is what one process makes.
func TestKilledShardsEndInTheSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes many processes")
	}
	const shards, kills = 8, 50
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	train := makeClusters(10, 20, 32, 1, 1).write(t, in("train.safetensors"))
	test := makeClusters(10, 10, 32, 1, 2).write(t, in("test.safetensors"))
	set := folderSet(t, in("set"), 1, 8)
	plan := planned(t, in("all"),
		planned(t, in("a"), "adapt", "taskres,clip-adapter", "--remedy", "none,sals,zs-norm", "--seed", "1,2",
			"--epochs", "60", "--batch", "64", "--features", train, "--targets", test),
		planned(t, in("b"), "encode", "--weights", tinyModel(), "--data", set, "--rows", "3", "--parts", "8", "--views",
			"2", "--bank", in("cache")),
		planned(t, in("c"), "tta", "tpt", "--seed", "1,2,3,4", "--views", "4", "--weights", tinyModel(), "--data", set,
			"--bank", in("cache")))
	do := func(results string, more ...string) []string {
		return append([]string{"run", plan, "-q", "--threads", "1", "--out", in(results), "--scratch", in("scratch"),
			"--bank", in("cache")}, more...)
	}
	collect := func(results, to string) {
		mustRun(t, "collect", plan, "-q", "--out", in(results), "--runs", in(to+"/runs"), "--bank", in(to+"/bank"))
	}
	mustRun(t, do("one")...)
	collect("one", "one-gathered")
	var killed atomic.Int32
	for round := 0; killed.Load() < kills; round++ {
		results := "round" + string(rune('a'+round))
		var wait sync.WaitGroup
		for shard := range shards {
			wait.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(round), uint64(shard)))
				for tries := 0; ; tries++ {
					args := do(results, "--shard", string(rune('0'+shard))+"/8")
					// A task that is killed over and over must still come to an end.
					after := time.Duration(rng.IntN(400)) * time.Millisecond
					if tries >= 4 || killed.Load() >= kills {
						after = time.Hour
					}
					done, code, said := doOrKill(t, after, args)
					if !done {
						killed.Add(1)
						continue
					}
					if code != 0 {
						t.Errorf("shard %d ended with %d: %s", shard, code, said)
					}
					return
				}
			})
		}
		wait.Wait()
		if t.Failed() {
			return
		}
		collect(results, results+"-gathered")
		sameFiles(t, in(results+"-gathered"), in("one-gathered"))
		if round == 5 {
			t.Fatalf("%d kills in %d rounds: the work is too short", killed.Load(), round)
		}
	}
	t.Logf("%d kills", killed.Load())
}

// doOrKill runs the command in a process of its own, and kills it after a while.
func doOrKill(t *testing.T, after time.Duration, args []string) (done bool, code int, said string) {
	t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), asCommand+"=1")
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Error(err)
		return true, 0, ""
	}
	killer := time.AfterFunc(after, func() { c.Process.Kill() })
	c.Wait()
	killer.Stop()
	return c.ProcessState.Exited(), c.ProcessState.ExitCode(), out.String()
}
