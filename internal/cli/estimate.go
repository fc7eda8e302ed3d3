package cli

import (
	"encoding/json"
	"fmt"
	"maps"

	"clipcalib/internal/cells"
	"clipcalib/internal/plan"
)

// alike are the flags in which cells may differ that take about as long.
var alike = []string{"seed", "remedy", "set", "lr", "weight-decay", "loss", "init", "part", "compat", "schedule",
	"optimizer", "epsilon", "logit-scale", "bins"}

// kindOf is what cells that take about as long have in common.
func kindOf(c plan.Cell) (string, error) {
	r := maps.Clone(c.Recipe)
	for _, name := range alike {
		delete(r, name)
	}
	raw, err := json.Marshal(r)
	return c.Command + string(raw), err
}

// estimate says of cells what those of their kind took, by the results of any of
// the plan's that are there.
func estimate(p *plan.Plan, results string) error {
	type took struct {
		seconds float64
		memory  int64
		cells   int
	}
	store := cells.Open(results)
	kinds, of := map[string]took{}, make([]string, len(p.Cells))
	found := 0
	for i, c := range p.Cells {
		var err error
		if of[i], err = kindOf(c); err != nil {
			return err
		}
		attempts, err := store.Find(c.ID)
		if err != nil {
			return fmt.Errorf("--measured: %w", err)
		}
		if best, _, _ := cells.Best(attempts); best != nil {
			k := kinds[of[i]]
			kinds[of[i]] = took{k.seconds + best.Done.Seconds, max(k.memory, best.Done.MemoryBytes), k.cells + 1}
			found++
		}
	}
	if found == 0 {
		return usagef("--measured %s: it holds no result of a cell of this plan: do one of each kind first", results)
	}
	for i := range p.Cells {
		if k := kinds[of[i]]; k.cells > 0 {
			p.Cells[i].Estimate = &plan.Estimate{Seconds: k.seconds / float64(k.cells), MemoryBytes: k.memory,
				From: k.cells}
		}
	}
	return nil
}
