package plan

import (
	"errors"
	"strings"
	"testing"
)

func TestWhichCells(t *testing.T) {
	slurm := func(n string) map[string]string { return map[string]string{envSlurm: n} }
	for name, c := range map[string]struct {
		o          Choice
		env        map[string]string
		first, end int
		wrong      string // in the error
	}{
		"all":                 {end: 10},
		"one":                 {o: Choice{Cell: "3"}, first: 3, end: 4},
		"shard":               {o: Choice{Shard: "1/4"}, first: 2, end: 5},
		"more than cells":     {o: Choice{Shard: "0/20"}, first: 0, end: 0},
		"task is a cell":      {env: slurm("9"), first: 9, end: 10},
		"task is a shard":     {o: Choice{Shards: 3}, env: slurm("2"), first: 6, end: 10},
		"offset":              {o: Choice{Offset: 6}, env: slurm("2"), first: 8, end: 9},
		"offset of shards":    {o: Choice{Shards: 5, Offset: 4}, env: slurm("0"), first: 8, end: 10},
		"kubernetes":          {env: map[string]string{envKubernetes: "0"}, end: 1},
		"a flag goes first":   {o: Choice{Cell: "1"}, env: slurm("7"), first: 1, end: 2},
		"beyond":              {env: slurm("10"), wrong: "the plan's are 0 to 9"},
		"beyond by offset":    {o: Choice{Offset: 5}, env: slurm("5"), wrong: "cell 10"},
		"shard beyond":        {o: Choice{Shard: "4/4"}, wrong: "0 to 3"},
		"no shards":           {o: Choice{Shard: "0/0"}, wrong: "shard 0 of 0"},
		"no number":           {o: Choice{Cell: "x"}, wrong: "no number"},
		"no task":             {o: Choice{Shards: 4}, wrong: "use --shard I/N"},
		"two flags":           {o: Choice{Cell: "1", Shard: "0/2"}, wrong: "one of"},
		"two schedulers":      {env: map[string]string{envSlurm: "1", envKubernetes: "2"}, wrong: "both"},
		"a template":          {env: slurm("%a"), wrong: "no number"},
		"negative":            {o: Choice{Cell: "-1"}, wrong: "no number"},
		"offset with a shard": {o: Choice{Shard: "0/2", Offset: 3}, wrong: "--offset"},
	} {
		first, end, how, err := c.o.Of(10, func(name string) string { return c.env[name] })
		switch {
		case c.wrong != "":
			var m Misuse
			if !errors.As(err, &m) || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: error %v, want %q", name, err, c.wrong)
			}
		case err != nil || first != c.first || end != c.end || how == "":
			t.Errorf("%s: %d to %d (%s), %v; want %d to %d", name, first, end, how, err, c.first, c.end)
		}
	}
}

// TestShardsAreAPartition: every cell is in one shard, and sizes differ by one.
func TestShardsAreAPartition(t *testing.T) {
	for n := 1; n < 40; n++ {
		for parts := 1; parts < 50; parts++ {
			at := 0
			for i := range parts {
				first, end, _, err := shard(i, parts, n, "")
				if err != nil || first != at || end-first < n/parts || end-first > n/parts+1 {
					t.Fatalf("%d cells, shard %d of %d: %d to %d, %v", n, i, parts, first, end, err)
				}
				at = end
			}
			if at != n {
				t.Fatalf("%d cells in %d shards: they end at %d", n, parts, at)
			}
		}
	}
}
