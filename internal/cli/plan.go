package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"clipcalib/internal/plan"

	"github.com/spf13/cobra"
)

// planFlags are those of every form of plan.
type planFlags struct {
	out      string
	measured string
	schedule *scheduleFlags // of the command that writes scripts
}

func planCommand(a *app) *cobra.Command {
	f := planFlags{schedule: &scheduleFlags{}}
	c := &cobra.Command{
		Use:   "plan PLAN... [--slurm FILE] [--kubernetes FILE]",
		Short: "Cells of work as lines of a file, for a scheduler's tasks to do some of them each",
		Long: `A plan is JSON lines. Each is a cell: everything that decides a run, with inputs
by path and SHA-256, and an id that is the hash of it all. It is made by one of
the commands below, of what that command would do by itself:

  clipcalib plan adapt METHOD...     trainings and their evaluation
  clipcalib plan tta METHOD...       test-time tuning
  clipcalib plan encode              the features of a data set, in parts
  clipcalib plan table TABLE         the runs of a table of the paper

clipcalib run does cells of a plan, clipcalib collect gathers what came of them.

With plans for arguments, they are shown, and joined into one with --out. Paths in
a plan are absolute; --map changes where they begin.

--slurm writes a script that submits an array of tasks, as many arrays as the
cluster's MaxArraySize asks for; what stands behind its name goes to sbatch.
--kubernetes writes an Indexed Job, --kueue the queues that it draws from. A task
asks for another try by exit code 75 and gets --retries of them; one that fails
for good is not tried again, and stops no other. docs/CLUSTER.md has more.`,
		Example: `  clipcalib plan adapt zslp,taskres --remedy none,penalty --seed 1,2,3 --weights ViT-B-16.pt --data pets/ --targets pets/ --out plan.jsonl
  clipcalib plan a.jsonl b.jsonl --measured results --out plan.jsonl
  clipcalib plan plan.jsonl --slurm submit.sh --shards 100 --results /shared/results
  clipcalib plan plan.jsonl --kubernetes job.yaml --image registry.example/clipcalib:1 --claim shared=/shared --results /shared/results`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("plan: name a plan to show, or make one with clipcalib plan adapt, tta, encode or table")
			}
			if err := f.schedule.unused(c); err != nil {
				return err
			}
			p, err := joinPlans(args)
			if err != nil {
				return err
			}
			return a.planned(p, f, args)
		},
	}
	f.add(c, "file of the plans joined into one")
	c.AddCommand(planAdaptCommand(a), planTuneCommand(a), planEncodeCommand(a), planTableCommand(a))
	return c
}

func (f *planFlags) add(c *cobra.Command, out string) {
	fl := c.Flags()
	fl.StringVar(&f.out, "out", "", out)
	fl.StringVar(&f.measured, "measured", "", measuredUsage)
	f.schedule.add(c)
}

const measuredUsage = "folder of results of earlier cells, from whose times and memory those of the cells are estimated"

// joinPlans reads plans and makes one of them.
func joinPlans(paths []string) (*plan.Plan, error) {
	joined := &plan.Plan{}
	for _, path := range paths {
		p, err := plan.Read(path)
		if err != nil {
			if _, none := os.Stat(path); none != nil {
				return nil, usagef("%w; plans are made by clipcalib plan adapt, tta, encode and table", err)
			}
			return nil, err
		}
		if len(paths) == 1 {
			return p, nil
		}
		for _, c := range p.Cells {
			if err := joined.Add(c); err != nil {
				return nil, fmt.Errorf("plan %s: %w", path, err)
			}
		}
	}
	return joined, nil
}

// planned says what a plan holds, and writes it and its scripts.
func (a *app) planned(p *plan.Plan, f planFlags, from []string) error {
	if f.measured != "" {
		if err := estimate(p, f.measured); err != nil {
			return err
		}
	}
	path := f.out
	switch {
	case path != "":
		if err := checkOutputFile(path); err != nil {
			return err
		}
		if err := p.WriteFile(path); err != nil {
			return err
		}
	case f.measured != "" && len(from) > 0 && !f.schedule.wanted():
		return usagef("--measured estimates the cells of a new plan: name it with --out")
	case len(from) == 1:
		path = from[0]
	case f.schedule.wanted():
		return usagef("plan: scripts are of one plan: join these into one with --out")
	}
	if f.schedule.wanted() {
		if err := f.schedule.resolve(p, path); err != nil {
			return err
		}
		if err := f.schedule.write(a); err != nil {
			return err
		}
	}
	if p.Twice > 0 {
		a.note("%d cells are there already under another name and are left out", p.Twice)
	}
	s := summarise(p)
	a.note("%d cells: %s", s.Cells, s.words())
	for i, in := range s.Inputs {
		if i == shown {
			a.note("  ... and %d more (--json lists all)", len(s.Inputs)-i)
			break
		}
		a.note("  --%s %s (%s, SHA-256 %.12s)", in.Flag, in.Path, in.Kind, in.SHA256)
	}
	if a.json {
		return a.printJSON(s)
	}
	return nil
}

// planSummary is what a plan holds, in the form of JSON.
type planSummary struct {
	Cells    int            `json:"cells"`
	Twice    int            `json:"twice"`
	Commands map[string]int `json:"commands"`
	Inputs   []plan.Input   `json:"inputs"`
	// Of the cells for which an estimate is known, one after the other.
	Estimated   int     `json:"estimated"`
	Seconds     float64 `json:"seconds,omitempty"`
	MemoryBytes int64   `json:"memory_bytes,omitempty"` // of the largest
}

func summarise(p *plan.Plan) planSummary {
	s := planSummary{Cells: len(p.Cells), Twice: p.Twice, Commands: map[string]int{}}
	seen := map[plan.Input]bool{}
	for _, c := range p.Cells {
		s.Commands[c.Command]++
		for _, in := range c.Inputs {
			if !seen[in] {
				seen[in] = true
				s.Inputs = append(s.Inputs, in)
			}
		}
		if e := c.Estimate; e != nil {
			s.Estimated++
			s.Seconds += e.Seconds
			s.MemoryBytes = max(s.MemoryBytes, e.MemoryBytes)
		}
	}
	return s
}

func (s planSummary) words() string {
	var text string
	for _, name := range slices.Sorted(maps.Keys(s.Commands)) {
		text += fmt.Sprintf("%s%d of %s", cond(text != "", ", "), s.Commands[name], name)
	}
	if s.Estimated == 0 {
		return text + "; how long they take is not known (--measured)"
	}
	return text + fmt.Sprintf("; %d of them take about %.0f s in all and up to %.0f MiB each", s.Estimated, s.Seconds,
		float64(s.MemoryBytes)/(1<<20))
}

func cond(ok bool, text string) string {
	if ok {
		return text
	}
	return ""
}

// inputs hashes what cells read, each once.
type inputs struct {
	a     *app
	known map[string]plan.Input
}

func newInputs(a *app) *inputs { return &inputs{a, map[string]plan.Input{}} }

// find is the input of a flag and path; hash is called for what is not known.
func (in *inputs) find(flag, path, kind, more string, hash func(*plan.Input) error) (plan.Input, error) {
	key := fmt.Sprintf("%q %q %s", kind, path, more)
	found, ok := in.known[key]
	if !ok {
		found = plan.Input{Path: path, Kind: kind}
		if err := hash(&found); err != nil {
			return found, fmt.Errorf("--%s: %w", flag, err)
		}
		in.known[key] = found
	}
	found.Flag = flag
	return found, nil
}

// check refuses inputs that are not those of the plan.
func (in *inputs) check(c plan.Cell, now []plan.Input) error {
	for i, want := range c.Inputs {
		if i >= len(now) || now[i].Flag != want.Flag || now[i].Kind != want.Kind {
			return fmt.Errorf("cell %d: --%s %s is an input in the plan and not here: plan anew", c.Number, want.Flag,
				want.Path)
		}
		got := now[i]
		if got.Name != want.Name {
			return fmt.Errorf("cell %d: --%s %s is named %s here and %s in the plan, and results bear the name: keep it (--map)",
				c.Number, want.Flag, got.Path, got.Name, want.Name)
		}
		if got.SHA256 != want.SHA256 {
			return fmt.Errorf("cell %d: --%s %s is not what was planned: its SHA-256 (%s) is %.12s, the plan's %.12s: use "+
				"the file of the plan (--map), or plan anew", c.Number, want.Flag, got.Path, want.Kind, got.SHA256,
				want.SHA256)
		}
	}
	return nil
}

// absolute makes paths absolute, those with a part such as #test too.
func absolute(paths ...*string) error {
	for _, p := range paths {
		if *p == "" {
			continue
		}
		abs, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		*p = abs
	}
	return nil
}

func absoluteAll(lists ...[]string) error {
	var err error
	for _, l := range lists {
		for i := range l {
			err = errors.Join(err, absolute(&l[i]))
		}
	}
	return err
}

// addTo adds the flags to a command that plans what another would do, whose
// --out then is the plan's.
func (f *planFlags) addTo(c *cobra.Command) {
	c.Flags().StringVar(&f.measured, "measured", "", measuredUsage)
	c.Flags().Lookup("out").Usage = "file of the plan"
}

// planFile is the file of a new plan. The out of a recipe file is where its runs
// go, which is no file of a plan.
func planFile(c *cobra.Command, out string) (string, error) {
	if !c.Flags().Changed("out") || out == "" {
		return "", usagef("plan %s: name the file of the plan with --out", c.Name())
	}
	if err := refuseOwnWork(c); err != nil {
		return "", err
	}
	return out, checkOutputFile(out)
}

// ownWork are flags of a command's own output, and of folders beside a run's own.
var ownWork = []string{"tensorboard", "pin", "record", "post-hoc", "calibrator"}

// refuseOwnWork refuses them, whether the command line or a recipe file has them.
func refuseOwnWork(c *cobra.Command) error {
	for _, name := range ownWork {
		if f := c.Flags().Lookup(name); f != nil && f.Changed {
			return usagef("plan %s: --%s is for a command that does the work itself", c.Name(), name)
		}
	}
	return nil
}
