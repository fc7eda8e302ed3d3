package table

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"clipcalib/internal/npy"
)

// writeRun makes a run folder by hand, as the doc comment of package run
// states it, with random logits.
type madeRun struct {
	method, remedy string
	shots          int
	lr             float64
	seed           int
	templates      []string
	targets        []string
	samples        int
}

func (m madeRun) write(t testing.TB, dir string, random *rand.Rand) {
	t.Helper()
	m.writeAble(t, dir, random, 0)
}

// writeAble adds a signal to the logit of the label.
func (m madeRun) writeAble(t testing.TB, dir string, random *rand.Rand, signal float32) {
	t.Helper()
	recipe := fmt.Sprintf("family: adapters\nmethod: %s\nremedy: %s\nlearning_rate: %g\nseed: %d\nengine: made\ninputs:\n"+
		"  weights_sha256: abc\n  data: /data/home\n  data_sha256: train%d\n  shots: %d\n  data_seed: %d\n  templates: "+
		"[%s]\n",
		m.method, m.remedy, m.lr, m.seed, m.seed, m.shots, m.seed, strings.Join(m.templates, ", "))
	for _, target := range m.targets {
		sub := filepath.Join(dir, "targets", target)
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		const k = 5
		reference := rand.New(rand.NewPCG(7, uint64(len(target)))) // one zero-shot model a target
		logits, zeroShot, labels := make([]float32, m.samples*k), make([]float32, m.samples*k), make([]int, m.samples)
		for i := range logits {
			logits[i], zeroShot[i] = float32(4*random.NormFloat64()), float32(4*reference.NormFloat64())
		}
		for i := range labels {
			labels[i] = reference.IntN(k)
			logits[i*k+labels[i]] += signal
		}
		for _, err := range []error{
			npy.WriteFile(filepath.Join(sub, "logits.npy"), logits, m.samples, k),
			npy.WriteFile(filepath.Join(sub, "zero_shot_logits.npy"), zeroShot, m.samples, k),
			npy.WriteLabels(filepath.Join(sub, "labels.npy"), labels),
			os.WriteFile(filepath.Join(sub, "target.yaml"), fmt.Appendf(nil,
				"method: %s\nremedy: %s\ninputs:\n  data: /data/%s\n"+
					"  data_sha256: list-of-%s\n  templates: [%s]\nsamples: %d\nnumber_of_classes: %d\n",
				m.method, m.remedy, target, target, strings.Join(m.templates, ", "), m.samples, k), 0o644),
			os.WriteFile(filepath.Join(dir, "recipe.yaml"), []byte(recipe), 0o644),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

var (
	remedies  = []string{"none", "zs-norm", "penalty", "sals"}
	templates = []string{"'a photo of a {}.'"}
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "grid")
	if err != nil {
		panic(err)
	}
	gridDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

var (
	gridDir  string
	gridOnce sync.Once
)

// grid is 2 methods by 4 remedies by 3 shots by 3 seeds on 2 targets, written
// once: files that must survive a crash take their time.
func grid(t testing.TB) string {
	gridOnce.Do(func() { writeGrid(t, gridDir) })
	return gridDir
}

func writeGrid(t testing.TB, dir string) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, method := range []string{"zslp", "taskres"} {
		for _, remedy := range remedies {
			for _, shots := range []int{4, 16, 1} {
				for seed := 1; seed <= 3; seed++ {
					m := madeRun{method, remedy, shots, 0.1, seed, templates, []string{"home", "sketch"}, 60}
					m.write(t, filepath.Join(dir, fmt.Sprintf("%s-%s-%d-%d", method, remedy, shots, seed)), random)
				}
			}
		}
	}
}

func tableOf(t testing.TB, dirs ...string) Table {
	t.Helper()
	var runs []string
	for _, d := range dirs {
		found, err := Find(d)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, found...)
	}
	found, _, err := Read(runs, 10)
	if err != nil {
		t.Fatal(err)
	}
	return Make(found, 10)
}

func TestAGridIsARowARecipe(t *testing.T) {
	dir := grid(t)
	table := tableOf(t, dir)
	if len(table.Groups) != 1+2*4*3 || len(table.Targets) != 2 || !table.Targets[0].Source ||
		table.Targets[0].Name != "home" {
		t.Fatalf("%d groups, targets %+v", len(table.Groups), table.Targets)
	}
	if fmt.Sprint(table.Shown) != "[shots]" || len(table.Notes) != 0 {
		t.Errorf("shown %v, notes %q", table.Shown, table.Notes)
	}
	for _, g := range table.Groups[1:] {
		for target, cell := range g.Cells {
			if len(cell) != 3 {
				t.Errorf("%s on %s: %d seeds", table.Label(g), target, len(cell))
			}
		}
	}
	if got := table.Groups[1].Fields["shots"] + table.Groups[5].Fields["shots"] +
		table.Groups[9].Fields["shots"]; got != "1416" {
		t.Errorf("shots in order %s", got)
	}

	// Another learning rate is a row of its own, and shown.
	odd := t.TempDir()
	madeRun{"zslp", "none", 4, 0.01, 1, templates, []string{"home"}, 60}.write(t, odd, rand.New(rand.NewPCG(3, 4)))
	table = tableOf(t, dir, odd)
	if len(table.Groups) != 1+2*4*3+1 || fmt.Sprint(table.Shown) != "[shots lr]" {
		t.Errorf("%d groups, shown %v", len(table.Groups), table.Shown)
	}
	if notes := strings.Join(table.Notes, "\n"); !strings.Contains(notes,
		"lr 0.01) lacks seed 2, 3 on home; target sketch") {
		t.Errorf("notes %s", notes)
	}
}

func TestFiguresComeFromLogits(t *testing.T) {
	dir := grid(t)
	table := tableOf(t, dir)
	var out bytes.Buffer
	if err := table.WriteTidy(&out); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	checked := 0
	for _, row := range rows[1:] {
		if row[column["metric"]] != "accuracy" || row[column["method"]] == ZeroShot {
			continue
		}
		var values []float64
		for seed := 1; seed <= 3; seed++ {
			sub := filepath.Join(dir, fmt.Sprintf("%s-%s-%s-%d", row[0], row[1], row[column["shots"]], seed), "targets",
				row[column["target"]])
			n, k, logits, err := npy.ReadMatrix(filepath.Join(sub, "logits.npy"))
			if err != nil {
				t.Fatal(err)
			}
			labels, err := npy.ReadLabels(filepath.Join(sub, "labels.npy"))
			if err != nil {
				t.Fatal(err)
			}
			hits := 0.0
			for i := range n {
				best := 0
				for j := range k {
					if logits[i*k+j] > logits[i*k+best] {
						best = j
					}
				}
				if best == labels[i] {
					hits++
				}
			}
			values = append(values, hits/float64(n))
		}
		mean := (values[0] + values[1] + values[2]) / 3
		std := 0.0
		for _, v := range values {
			std += (v - mean) * (v - mean)
		}
		std = math.Sqrt(std / 2)
		if near(t, row[column["mean"]], mean) && near(t, row[column["std"]], std) && row[column["n"]] == "3" &&
			row[column["seeds"]] == "1 2 3" {
			checked++
		} else {
			t.Errorf("row %v, want %v ± %v", row, mean, std)
		}
	}
	if checked != 2*4*3*2 {
		t.Errorf("%d rows checked", checked)
	}
}

func near(t *testing.T, text string, want float64) bool {
	t.Helper()
	got, err := strconv.ParseFloat(text, 64)
	return err == nil && math.Abs(got-want) < 1e-12
}

func TestASeedCountsOnce(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"a", "b"} {
		madeRun{"zslp", "none", 4, 0.1, 1, templates, []string{"home"}, 20}.write(t, filepath.Join(dir, name),
			rand.New(rand.NewPCG(uint64(i), 1)))
	}
	table := tableOf(t, dir, filepath.Join(dir, "a")) // a is named twice, too
	if len(table.Groups) != 2 || len(table.Groups[1].Cells["home"]) != 1 {
		t.Fatalf("%+v", table.Groups)
	}
	if len(table.Notes) != 1 || !strings.Contains(table.Notes[0], "differ: the first is shown") {
		t.Errorf("notes %q", table.Notes)
	}
}

func TestUnlikePromptsHaveZeroShotRowsOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(5, 6))
	madeRun{"zslp", "none", 4, 0.1, 1, templates, []string{"home"}, 20}.write(t, filepath.Join(dir, "a"), random)
	madeRun{"coop", "none", 4, 0.1, 1, []string{"'{}'"}, []string{"home"}, 20}.write(t, filepath.Join(dir, "b"), random)
	table := tableOf(t, dir)
	if len(table.Groups) != 4 || fmt.Sprint(table.Shown) != "[templates]" || len(table.Notes) != 1 {
		t.Errorf("%d groups, shown %v, notes %q", len(table.Groups), table.Shown, table.Notes)
	}
	parts := table.ByReference()
	if len(parts) != 2 || len(parts[0].Groups) != 2 || len(parts[1].Groups) != 2 || len(parts[0].About) == 0 {
		t.Errorf("%+v", parts)
	}
}

func TestTargetsOfOneNameAreKeptApart(t *testing.T) {
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(5, 6))
	madeRun{"zslp", "none", 4, 0.1, 1, templates, []string{"home"}, 20}.write(t, filepath.Join(dir, "a"), random)
	madeRun{"zslp", "none", 4, 0.1, 2, templates, []string{"home"}, 30}.write(t, filepath.Join(dir, "b"), random)
	table := tableOf(t, dir)
	if len(table.Targets) != 2 || !strings.HasPrefix(table.Targets[1].Name, "home, 20") &&
		!strings.HasPrefix(table.Targets[0].Name, "home, 20") {
		t.Errorf("targets %+v", table.Targets)
	}
}

func TestEveryForm(t *testing.T) {
	table := tableOf(t, grid(t))
	var text, latex, wide bytes.Buffer
	for _, err := range []error{
		table.Wide(Main).WriteText(&text), table.Wide(Main).WriteLaTeX(&latex), table.WriteWide(&wide),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(text.String(), "  + Penalty") || strings.Contains(text.String(), "–   –") {
		t.Errorf("%s", &text)
	}
	for _, want := range []string{`\toprule`, `\bottomrule`, `$\pm$`, `\quad + SaLS`} {
		if !strings.Contains(latex.String(), want) {
			t.Errorf("no %s in %s", want, &latex)
		}
	}
	rows, err := csv.NewReader(&wide).ReadAll()
	if err != nil || len(rows) != 26 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	raw, err := json.Marshal(&table)
	var back struct {
		Rows []struct {
			Method  string
			Targets []struct {
				Runs    []string
				Metrics map[string]Spread
			}
		}
	}
	if err != nil || json.Unmarshal(raw, &back) != nil || len(back.Rows) != 25 ||
		len(back.Rows[1].Targets[0].Runs) != 3 || back.Rows[1].Targets[0].Metrics["ece"].N != 3 {
		t.Errorf("%v %s", err, raw[:min(len(raw), 400)])
	}
}

func TestRecipesShowWhatIsAlikeOnce(t *testing.T) {
	table := tableOf(t, grid(t))
	alike, differing := table.Recipes()
	if !strings.Contains(fmt.Sprint(alike), "[lr 0.1]") || !strings.Contains(fmt.Sprint(alike), "[weights abc]") {
		t.Errorf("alike %v", alike)
	}
	if fmt.Sprint(differing.Header) != "[row seeds shots]" || len(differing.Rows) != 25 ||
		fmt.Sprint(differing.Rows[1][1:]) != "[1 2 3 1]" {
		t.Errorf("%v %v", differing.Header, differing.Rows[1])
	}
}

// One list of pictures under two names has two columns, and the zero-shot row a value
// in both.
func TestOneListUnderTwoNamesHasTheZeroShotValueTwice(t *testing.T) {
	dir := t.TempDir()
	madeRun{"taskres", "none", 4, 0.1, 1, templates, []string{"home", "sketch"}, 60}.write(t, dir,
		rand.New(rand.NewPCG(1, 1)))
	targets := filepath.Join(dir, "targets")
	if err := os.CopyFS(filepath.Join(targets, "copied"), os.DirFS(filepath.Join(targets, "sketch"))); err != nil {
		t.Fatal(err)
	}
	found, _, err := Read([]string{dir}, 10)
	if err != nil {
		t.Fatal(err)
	}
	table := Make(found, 10)
	if len(table.Targets) != 3 || table.Groups[0].Fields["method"] != ZeroShot {
		t.Fatalf("%+v", table.Targets)
	}
	cells := table.Groups[0].Cells
	if len(cells["copied"]) != 1 || len(cells["sketch"]) != 1 ||
		cells["copied"][0].Metrics != cells["sketch"][0].Metrics {
		t.Errorf("zero-shot: %d values of copied, %d of sketch", len(cells["copied"]), len(cells["sketch"]))
	}
}
