package cli

import (
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/docfile"
	"clipcalib/internal/paper"
)

// savedFolder is logits of the adapters' table, written with what NumPy makes of
// them by scripts/check_paper_table.py --write internal/cli/testdata/paper.
const savedFolder = "testdata/paper"

func tableOf(t *testing.T, args ...string) (sheet paper.Sheet) {
	t.Helper()
	o := mustRun(t, append([]string{"table"}, append(args, "--json")...)...)
	if err := json.Unmarshal([]byte(o.out), &sheet); err != nil {
		t.Fatal(err)
	}
	return sheet
}

func TestTableOfSavedLogitsIsNumPys(t *testing.T) {
	t.Parallel()
	var want map[string]map[string][]float64 // accuracy, three ECE, three of each kind of sets
	if err := docfile.ReadJSON(filepath.Join(savedFolder, "want.json"), &want); err != nil {
		t.Fatal(err)
	}
	n := 0
	kinds := []string{"lac", "aps", "raps", "conf-ot"}
	for _, b := range tableOf(t, "adapters", "--logits", savedFolder, "--post-hoc", "temperature", "--sets",
		strings.Join(kinds, ","), "--coverage", "0.8").Blocks {
		for _, l := range b.Lines {
			mean := make([]float64, 16)
			warm := strings.HasSuffix(l.Row, "temperature") // which NumPy searches for, and whose fold is used up
			for _, e := range append(l.Sets, l.Average) {
				figures := want["adapters|"+b.Model+"|"+l.Row][e.Set]
				if e.Set == "" {
					figures = slices.Clone(mean)
				}
				all, unit := []paper.Figure{*e.Accuracy, e.ECE["10"], e.ECE["15"], e.ECE["20"]}, []float64{100, 100,
					100, 100}
				for _, kind := range kinds {
					if s, ok := e.Sets[kind]; ok {
						all, unit = append(all, s.Coverage, s.Size, s.ClassGap), append(unit, 100, 1, 100)
					}
				}
				if (len(all) == 4) != warm || warm && e.Set != "" && !strings.Contains(e.WhyNoSets,
					"fitted on the fold") {
					t.Fatalf("%s, %q: %d figures: %+v", l.Row, e.Set, len(all), e)
				}
				for i, f := range all {
					mean[i] += figures[i] / float64(len(l.Sets))
					tolerance := 1e-12
					if warm {
						tolerance = 1e-6
					}
					if n++; math.Abs(f.Mean/unit[i]-figures[i]) > tolerance || !(f.Low <= f.Mean && f.Mean <= f.High) {
						t.Errorf("%s, %s, %q: figure %d is %+v, NumPy has %v", b.Model, l.Row, e.Set, i, f, figures[i])
					}
				}
			}
		}
	}
	if n != 2*13*5*(16+4) {
		t.Errorf("%d figures compared", n)
	}
}
