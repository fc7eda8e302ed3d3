package recipe

import (
	"strings"
	"testing"

	"clipcalib/internal/data/catalog"
)

func TestRecipesNameWhatThereIs(t *testing.T) {
	if len(All()) != 25 {
		t.Errorf("%d recipes", len(All()))
	}
	for _, r := range All() {
		if r.About == "" || r.Weights() == "" || len(r.Targets()) == 0 ||
			(r.Command != ZeroShot) != (len(r.Methods) == 1) {
			t.Errorf("%s: %+v", r.ID, r)
		}
		for _, s := range r.Sets() {
			if found, err := catalog.Find(s); err != nil || found.ID != s {
				t.Errorf("%s: set %q: %v", r.ID, s, err)
			}
		}
		again, err := parse(r.ID, r.YAML())
		if err != nil || string(again.YAML()) != string(r.YAML()) || again.About != r.About {
			t.Errorf("%s is read back as\n%s", r.ID, again.YAML())
		}
	}
}

func TestTablesHaveTheirRecipesAndTheirFigures(t *testing.T) {
	rows, figures, errata, cells := 0, 0, 0, 0
	for _, table := range Tables() {
		for _, b := range table.Blocks {
			for _, row := range b.Rows {
				rows++
				sets := map[string]bool{}
				for _, name := range row.Recipes {
					r, err := Find(name)
					if err != nil {
						t.Fatal(err)
					}
					if r.Weights() != b.Model {
						t.Errorf("%s, %s: %s is on %s", table.ID, row.Label, name, r.Weights())
					}
					for _, s := range r.Targets() {
						sets[s] = true
					}
					n := 0
					for _, c := range r.Cells() {
						if c.Method == row.Method && c.Remedy == row.Remedy {
							n++
						}
					}
					if n != 1 {
						t.Errorf("%s, %s: %s has %d such cells", table.ID, row.Label, name, n)
					}
				}
				cells += len(b.Sets)
				for _, s := range b.Sets {
					if !sets[s] {
						t.Errorf("%s, %s: no recipe is measured on %s", table.ID, row.Label, s)
					}
				}
				if table.ID == "figures" {
					if _, ok := table.Expect(b, row, ECE, "ImageNetA"); !ok {
						t.Errorf("figures, %s: nothing published", row.Label)
					}
					continue
				}
				for _, metric := range []string{Accuracy, ECE} {
					average, ok := table.Expect(b, row, metric, "")
					if ok != (b.In != "") {
						t.Errorf("%s, %s %s %s: published %v", table.ID, b.Model, row.Label, metric, ok)
					}
					if average.Erratum != "" {
						errata++
					}
					for _, s := range b.Sets {
						if _, ok := table.Expect(b, row, metric, s); ok {
							figures++
						}
					}
				}
			}
		}
	}
	if rows != 26+26+18+4 || figures != 9*2*11 || errata != 8 || cells != 4*52+11*18+16 {
		t.Errorf("%d rows, %d figures of sets, %d errata, %d cells", rows, figures, errata, cells)
	}
	tta, err := FindTable("tta")
	if err != nil {
		t.Fatal(err)
	}
	e, _ := tta.Expect(tta.Blocks[0], tta.Blocks[0].Rows[7], ECE, "")
	if e.Text != "3.14" || !strings.Contains(e.Erratum, "swapped") {
		t.Errorf("C-TPT + Penalty: %+v", e)
	}
	e, _ = tta.Expect(tta.Blocks[0], tta.Blocks[0].Rows[1], ECE, "OxfordFlowers")
	if e.Value != 13.66 {
		t.Errorf("TPT on Flowers: %+v", e)
	}
}
