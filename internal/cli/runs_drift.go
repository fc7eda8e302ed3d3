package cli

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"text/tabwriter"

	"clipcalib/adapt"
	"clipcalib/internal/run"
	"clipcalib/internal/table"

	"github.com/spf13/cobra"
)

// The batches that runs drift draws of every target.
var (
	driftBatches = []int{16, 64}
	driftDraws   = 200
)

func runsDriftCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "drift DIR...",
		Short: "How often predict and serve would say drift, on the targets that runs were evaluated on",
		Long: `Applies the drift warning of predict and serve to the targets that the runs at or
below DIR were evaluated on, from the logits on disk: the share of pictures marked
by themselves, and the share of batches of 16 and of 64 pictures (200 draws
without replacement, seeded) that are said to drift. On the data that a run learnt
from this is the false alarm; on drifted data it is what the warning sees. Rows
are means over the runs of a method and remedy. A remedy that maps logits when
the model is used leaves no logits to tell drift by: such runs are left out, and
counted.`,
		Example: "  clipcalib runs drift clipcalib-demo/runs/emoji\n  clipcalib runs drift runs/ --json",
		RunE: func(_ *cobra.Command, args []string) error {
			dirs, err := runsBelow("drift", args)
			if err != nil {
				return err
			}
			return a.runsDrift(dirs)
		},
	}
}

// driftRow is how often the warning comes on a target.
type driftRow struct {
	Method    string             `json:"method"`
	Remedy    string             `json:"remedy"`
	Target    string             `json:"target"`
	Runs      int                `json:"runs"`
	Pictures  int                `json:"pictures"` // of the target
	Reference string             `json:"reference"`
	Outside   float64            `json:"outside"` // share of the pictures
	Batches   map[string]float64 `json:"batches"` // share of the batches said to drift, by their size
}

func (a *app) runsDrift(dirs []string) error {
	var rows []*driftRow
	at := map[string]*driftRow{}
	mapped, unknown := 0, 0
	for _, dir := range dirs {
		m, err := run.ReadModel(dir)
		if err != nil {
			return err
		}
		d, err := run.ReadDrift(dir)
		if err != nil {
			return err
		}
		remedy, err := adapt.ParseRemedy(m.Remedy)
		switch {
		case d == nil:
			unknown++
			continue
		case err != nil || adapt.MapsInference(remedy):
			mapped++
			continue
		}
		evaluations, err := run.Evaluations(dir)
		if err != nil {
			return err
		}
		for _, e := range evaluations {
			if e.Target.Remedy != m.Remedy {
				continue
			}
			key := strings.Join([]string{m.Method, m.Remedy, e.Name}, "\n")
			r := at[key]
			if r == nil {
				r = &driftRow{Method: m.Method, Remedy: m.Remedy, Target: e.Name, Pictures: e.Logits.N,
					Reference: "training pictures", Batches: map[string]float64{}}
				if d.Fold != "" {
					r.Reference = d.Fold
				}
				at[key], rows = r, append(rows, r)
			}
			r.add(*d, e)
		}
	}
	for _, r := range rows {
		r.Outside /= float64(r.Runs)
		for size := range r.Batches {
			r.Batches[size] /= float64(r.Runs)
		}
	}
	if len(rows) == 0 {
		return fmt.Errorf("runs drift: no evaluated run with known drift (%d runs without statistics, %d with a remedy that "+
			"maps logits)", unknown, mapped)
	}
	if mapped+unknown > 0 {
		fmt.Fprintf(a.err, "runs drift: left out are %d runs without statistics and %d with a remedy that maps logits\n",
			unknown, mapped)
	}
	if a.json {
		return a.printJSON(map[string]any{"rows": rows, "without_statistics": unknown, "mapped": mapped})
	}
	return a.printDrift(rows)
}

// add counts the warnings on one evaluation of one run.
func (r *driftRow) add(d run.Drift, e run.Evaluation) {
	ratios, zeroShot := table.Ranges(e.Logits), table.Ranges(e.ZeroShot)
	for i := range ratios {
		ratios[i] = run.RangeRatio(ratios[i], zeroShot[i])
		if ratios[i] < d.Lower() || ratios[i] > d.Upper() {
			r.Outside += 1 / float64(len(ratios))
		}
	}
	r.Runs++
	for _, size := range driftBatches {
		if size > len(ratios) {
			continue
		}
		rng := rand.New(rand.NewPCG(1, uint64(size)))
		said := 0
		for range driftDraws {
			for i := range size { // the first of a shuffle
				j := i + rng.IntN(len(ratios)-i)
				ratios[i], ratios[j] = ratios[j], ratios[i]
			}
			if _, p := d.Batch(ratios[:size]); p < run.Significance {
				said++
			}
		}
		r.Batches[fmt.Sprint(size)] += float64(said) / float64(driftDraws)
	}
}

func (a *app) printDrift(rows []*driftRow) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	head := "method\tremedy\ttarget\truns\tpictures\tmarked %"
	for _, size := range driftBatches {
		head += fmt.Sprintf("\t%d at a time %%", size)
	}
	fmt.Fprintln(w, head)
	for _, r := range rows {
		line := fmt.Sprintf("%s\t%s\t%s\t%d\t%d\t%.1f", table.Display(r.Method), table.Display(r.Remedy), r.Target,
			r.Runs, r.Pictures, 100*r.Outside)
		for _, size := range driftBatches {
			share, ok := r.Batches[fmt.Sprint(size)]
			if !ok {
				line += "\t–"
				continue
			}
			line += fmt.Sprintf("\t%.1f", 100*share)
		}
		fmt.Fprintln(w, line)
	}
	return w.Flush()
}
