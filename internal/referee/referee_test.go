package referee

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func lines(r Report) string {
	var b strings.Builder
	for _, c := range r.Findings() {
		fmt.Fprintf(&b, "%s | %s %s | %s %s | %s | %s\n", c.Table, c.Row, c.Metric, c.Kind, c.Column, c.Verdict,
			strings.TrimSpace(c.Printed+" "+c.Computed))
	}
	return b.String()
}

// errata are all findings in the shipped tables.
var errata = map[string]string{
	"eccv-adapters": `average over the four shifts | CLIP-Ad + ZS-Norm accuracy | change ViT-B/16 ACC | differs | +0.88 -0.88
`,
	"eccv-prompts": `RN50, average over the four shifts | CoCoOp + SaLS ece | change ECE | differs | -1.87 -0.87
RN50, average over the four shifts | ProGrad + ZS-Norm accuracy | change ACC | differs | +0.11 -0.11
ViT-B/16, average over the four shifts | CoCoOp + SaLS ece | change ECE | differs | -0.00 -0.02
ViT-B/16, average over the four shifts | MaPLe + ZS-Norm ece | change ECE | differs | -0.14 -0.54
`,
	"eccv-tta": `RN50, 11 sets | C-TPT ece | average Avg | differs | 6.33 6.03
RN50, 11 sets | C-TPT + Penalty ece | average Avg | differs | 3.14 5.93
RN50, 11 sets | C-TPT + SaLS ece | average Avg | differs | 5.22 4.95
`,
	"eccv-figures": "",
	"a-tpt": `11 sets, ViT-B/16 | Baseline ece | average Average | differs | 4.43 5.02
11 sets, ViT-B/16 | TPT ece | average Average | differs | 11.60 9.87
11 sets, ViT-B/16 | C-TPT accuracy | average Average | differs | 64.57 64.93
11 sets, ViT-B/16 | C-TPT accuracy | share Aircrafts | impossible | 24.85 24.842
11 sets, RN50 | A-TPT accuracy | share Flowers102 | impossible | 64.89 64.880
11 sets, ViT-B/16 | TPT ece | copy  | repeats | 2 of 11
`,
	"tcpt": `base classes | MaPLe accuracy | average Avg | differs | 82.41 81.80
base classes | MaPLe ece | average Avg | differs | 3.19 3.11
base classes | MaPLe + MBLS accuracy | average Avg | differs | 82.50 81.87
base classes | MaPLe + MBLS ece | average Avg | differs | 8.36 10.24
base classes | MaPLe + Temp. Scaling accuracy | average Avg | differs | 82.55 82.01
base classes | MaPLe + Temp. Scaling ece | average Avg | differs | 2.89 2.84
base classes | MaPLe + ZS-Norm accuracy | average Avg | differs | 82.51 81.98
base classes | MaPLe + ZS-Norm ece | average Avg | differs | 9.10 8.42
base classes | MaPLe + Penalty accuracy | average Avg | differs | 75.20 75.33
base classes | MaPLe + Penalty ece | average Avg | differs | 9.95 9.39
base classes | MaPLe + TCPT (own) accuracy | average Avg | differs | 82.75 82.20
base classes | MaPLe + TCPT (own) ece | average Avg | differs | 2.78 2.75
base classes | KGCoOp + Penalty ece | average Avg | differs | 7.57 7.60
base classes | KGCoOp + TCPT (own) accuracy | average Avg | differs | 80.34 80.84
new classes | Zero Shot accuracy | average Avg | differs | 74.30 74.69
new classes | KGCoOp + DAC ece | average Avg | differs | 4.47 4.55
new classes | KGCoOp + ZS-Norm accuracy | average Avg | differs | 72.19 72.93
new classes | KGCoOp + Penalty accuracy | average Avg | differs | 72.99 72.72
new classes | KGCoOp + Penalty ece | average Avg | differs | 4.75 4.32
base classes | KGCoOp + ZS-Norm accuracy | copy  | repeats | 10 of 11
base classes | KGCoOp + ZS-Norm ece | copy  | repeats | 10 of 11
`,
}

func TestTheErrataOfPublishedTablesAreFound(t *testing.T) {
	for _, f := range Shipped() {
		if f.Title == "" || f.Source == "" {
			t.Errorf("%s: no title or no source", f.Name)
		}
		want, ok := errata[f.Name]
		if got := lines(Examine(f)); !ok || got != want {
			t.Errorf("%s:\n%s\nwant\n%s", f.Name, got, want)
		}
	}
}

func TestFindingsSayWhatWouldExplainThem(t *testing.T) {
	words := map[string]string{}
	for _, f := range Shipped() {
		for _, c := range Examine(f).Findings() {
			words[f.Name+" "+c.Row+" "+c.Metric+" "+c.Kind] = c.Words
		}
	}
	for key, want := range map[string]string{
		"eccv-tta C-TPT ece average": "it is the mean of 10, without INet",
		"eccv-tta C-TPT + Penalty ece average": "Avg and INet are swapped: 5.93 under INet is the mean of the " +
			"other 10, and with 3.14 there the mean of all is 5.68",
		"eccv-adapters CLIP-Ad + ZS-Norm accuracy change": "49.73 from 50.61 is -0.88: the sign is wrong",
		"eccv-prompts MaPLe + ZS-Norm ece change": "3.59 from 4.13 is -0.54, or the figure is 3.99: one digit of the " +
			"change is wrong",
		"tcpt MaPLe + Temp. Scaling ece average": "it is the mean of 10, without INet",
		"tcpt KGCoOp + ZS-Norm accuracy average": "the row KGCoOp + MBLS prints the same average",
	} {
		if words[key] != want {
			t.Errorf("%s: %q, want %q", key, words[key], want)
		}
	}
}

// mend puts right what was found, until nothing is left to find.
func mend(t *testing.T, f *File) {
	t.Helper()
	set := func(g *figure, v float64) {
		text := digits(v, g.unit)
		*g, _ = parseFigure(strings.TrimPrefix(text, "+"))
	}
	for range 8 {
		found := Examine(*f).Findings()
		if len(found) == 0 {
			return
		}
		for _, c := range found {
			for i := range f.Tables {
				table := &f.Tables[i]
				for k, r := range table.Rows {
					if table.Name != c.Table || r.Name != c.Row {
						continue
					}
					for j := range r.cells {
						if table.metric(r, j) != c.Metric {
							continue
						}
						cell := &table.Rows[k].cells[j]
						switch {
						case c.Kind == Copy && j != table.Average: // figures of its own
							set(&cell.value, cell.value.v+0.37+float64(j)/100)
						case table.Columns[j].Name != c.Column:
						case c.Kind == Change:
							set(&cell.delta, cell.delta.v-c.By)
						default:
							set(&cell.value, cell.value.v-c.By)
						}
					}
				}
			}
		}
	}
	t.Errorf("%s: still\n%s", f.Name, lines(Examine(*f)))
}

func TestNothingIsFoundInTablesMadeCorrect(t *testing.T) {
	for _, f := range Shipped() {
		mend(t, &f)
		if n := len(Examine(f).Checks); n < 40 {
			t.Errorf("%s: only %d checks", f.Name, n)
		}
	}
}

// TestNothingIsFoundInTablesOfMeasurements makes tables as an honest experiment
// prints them: counts out of samples over seeds, rounded.
func TestNothingIsFoundInTablesOfMeasurements(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		seeds := 1 + r.IntN(4)
		var b strings.Builder
		samples := []int{1692, 2463, 3669, 7500, 50000}
		fmt.Fprintf(&b, "# average: Avg\n# seeds: %d\n# samples: A=1692, B=2463, C=3669, D=7500, E=50000\n", seeds)
		b.WriteString("row,metric,A,B,C,D,E,Avg\n")
		for row := range 8 {
			accs, eces, mces := "", "", ""
			sumAcc, sumECE, sumMCE := 0.0, 0.0, 0.0
			for _, n := range samples {
				var shares []float64
				mean := 0.0
				for range seeds {
					s := 100 * math.Round(float64(n)*(0.3+0.5*r.Float64())) / float64(n)
					shares = append(shares, s)
					mean += s / float64(seeds)
				}
				dev := 0.0
				for _, s := range shares {
					dev += (s - mean) * (s - mean) / float64(max(1, seeds-1))
				}
				accs += fmt.Sprintf(",%.2f ± %.2f", mean, math.Sqrt(dev))
				ece := 12 * r.Float64()
				mce := ece + 5*r.Float64()
				eces += fmt.Sprintf(",%.2f", ece)
				mces += fmt.Sprintf(",%.2f", mce)
				sumAcc, sumECE, sumMCE = sumAcc+mean/5, sumECE+ece/5, sumMCE+mce/5
			}
			fmt.Fprintf(&b, "m%d,accuracy%s,%.2f\nm%d,ece%s,%.2f\nm%d,mce%s,%.2f\n", row, accs, sumAcc, row, eces,
				sumECE, row, mces, sumMCE)
		}
		f, err := parse("measured", "csv", []byte(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		found := Examine(f).Findings()
		for _, c := range found {
			if c.Kind != Copy { // chance gives some, by what is called chance
				t.Errorf("%+v in\n%s", c, b.String())
			}
		}
	}
}

func TestPlantedFaultsAreFound(t *testing.T) {
	const head = "# average: Avg\n# seeds: 3\n# samples: A=1000, B=200\nrow,metric,of,keeps,mean_of,A,B,Avg\n"
	for name, c := range map[string]struct{ rows, want string }{
		"ECE above MCE": {"a,ece,,,,7.31,3.02,5.17\na,mce,,,,7.29,9.00,8.15\n", "Bound A impossible"},
		"ECE below the gap": {"a,accuracy,,,,50.1,60.0,55.0\na,confidence,,,,58.2,60.0,59.1\na,ece,,,,7.5,1.0,4.3\n",
			"Bound A impossible"},
		"above 100":            {"a,accuracy,,,,101.0,60.0,80.5\n", "Bound A impossible"},
		"share":                {"a,accuracy,,,,50.13,60.00,55.07\n", ""},
		"share of 3 times 200": {"a,accuracy,,,,50.10,60.09,55.10\n", "Share B impossible"},
		"scaling moves classes": {"a,accuracy,,,,50.1,60.0,55.1\nb,accuracy,a,accuracy,,50.3,60.0,55.2\n",
			"Kept A differs"},
		"mean of rows": {"a,ece,,,,1.2,3.4,2.3\nb,ece,,,,2.2,3.4,2.8\nall,ece,,,a;b,1.9,3.4,2.6\n",
			"Mean A differs"},
		"best":                  {"a,ece,,,,1.4*,3.2,2.3\nb,ece,,,,1.1,3.5*,2.3\n", "Best A differs, Best B differs"},
		"deviation of 3 counts": {"a,accuracy,,,,50.0 ± 0.1,50.00 ± 0.31,50.0\n", "Deviation B impossible"},
		"deviation too large":   {"a,accuracy,,,,50.0 ± 65,50.0 ± 0.5,50.0\n", "Deviation A impossible"},
		"weighted":              {"a,ece,,,,10.00,20.00,11.67\n", "Average Avg differs"},
	} {
		f, err := parse(name, "csv", []byte(head+c.rows))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, c := range Examine(f).Findings() {
			got = append(got, strings.ToUpper(c.Kind[:1])+c.Kind[1:]+" "+c.Column+" "+string(c.Verdict))
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: found %q, want %q", name, text, c.want)
		}
	}
	one, err := parse("one", "csv", []byte("# seeds: 1\nrow,metric,A\na,accuracy,50.0 ± 0.2\n"))
	if err != nil {
		t.Fatal(err)
	}
	if found := Examine(one).Findings(); len(found) != 1 || found[0].Words != "one run has no deviation" {
		t.Errorf("a deviation of one run: %+v", found)
	}
}

// TestCountableIsWhatCountingFinds holds the arithmetic against trying all
// counts of few samples.
func TestCountableIsWhatCountingFinds(t *testing.T) {
	const n = 20
	for _, s := range []int{2, 3} {
		possible := map[string]bool{}
		var counts func(k []int)
		counts = func(k []int) {
			if len(k) < s {
				for c := range n + 1 {
					counts(append(k, c))
				}
				return
			}
			mean, q := 0.0, 0.0
			for _, c := range k {
				mean += 100 * float64(c) / n / float64(s)
			}
			for _, c := range k {
				q += square(100*float64(c)/n - mean)
			}
			for _, by := range []float64{float64(s - 1), float64(s)} {
				possible[fmt.Sprintf("%.1f ± %.1f", mean, math.Sqrt(q/by))] = true
			}
		}
		counts(nil)
		wrong, refused := 0, 0
		for m := 0; m <= 1000; m += 7 {
			for d := 0; d <= 300; d += 3 {
				text := fmt.Sprintf("%.1f ± %.1f", float64(m)/10, float64(d)/10)
				c, err := parseCell(text)
				if err != nil {
					t.Fatal(err)
				}
				got := countable(c, n, s)
				if !got {
					refused++
				}
				if possible[text] && !got {
					t.Fatalf("%s of %d counts out of %d is refused", text, s, n)
				}
				if got && !possible[text] {
					wrong++ // counts outside 0 to n, and figures on the edge of rounding
				}
			}
		}
		if refused < 1000 || wrong > 100 {
			t.Errorf("%d counts: %d refused, %d let pass that none gives", s, refused, wrong)
		}
	}
}

func TestWhatIsNoTableIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":           "it is empty",
		"tables: []": "it holds no table",
		"tabels: []": "tabels",
		"tables: [{name: a, columns: [A], rows: [{row: x, cells: [1, 2]}]}]":                    "2 cells under 1 columns",
		"tables: [{name: a, columns: [A], rows: [{row: x, cells: [so]}]}]":                      `"so" is no figure`,
		"tables: [{name: a, columns: [A], average: Avg, rows: [{row: x, cells: [1]}]}]":         `no column "Avg"`,
		"tables: [{name: a, columns: [A, B, Avg.], rows: [{row: x, cells: [1, 2, 9]}]}]":        `say average: Avg.`,
		"tables: [{name: a, columns: [A], rows: [{row: x, of: y, cells: [1]}]}]":                `no row "y"`,
		"tables: [{name: a, columns: [A], rows: [{row: x, metric: eec, cells: [1]}]}]":          `unknown metric "eec"`,
		"tables: [{name: a, columns: [A], rows: [{row: x, cells: [[1]]}]}]":                     "a cell is one figure",
		"tables: [{name: a, columns: [A, A], rows: [{row: x, cells: [1, 2]}]}]":                 "two columns",
		"tables: [{name: a, columns: [A], samples: {B: 3}, rows: [{row: x, cells: [1]}]}]":      `no column "B"`,
		"tables: [{name: a, columns: [A], rows: [{row: x, cells: [1]}, {row: x, cells: [2]}]}]": "twice",
		"tables: [{name: a, columns: [A], rows: [{row: x, cells: [1111111111111111111111]}]}]":  "more digits",
	} {
		if _, err := parse("f", "yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := parse("f", "yaml", []byte(`tables: [{name: a, columns: [A, B, Mean], average: "-", rows: [{row: x, cells: `+
		`[1, 2, 9]}]}]`)); err != nil {
		t.Error(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "t.csv")
	if err := os.WriteFile(path, []byte("# avarage: Avg\nrow,metric,A,Avg\na,ece,1,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	bom := filepath.Join(dir, "bom.csv") // as spreadsheets write it
	if err := os.WriteFile(bom, []byte("\ufeff# average: Avg\nrow,metric,A,B,Avg\na,ece,1,3,2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if f, err := Read(bom); err != nil || f.Tables[0].Average != 2 {
		t.Errorf("%+v, %v", f, err)
	}
	_, err := Read(path)
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "average") {
		t.Errorf("a misspelt line: %v", err)
	}
	if _, err := Read(filepath.Join(dir, "t.xlsx")); err == nil {
		t.Error("a spreadsheet is taken")
	}
}
