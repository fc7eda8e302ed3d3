package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"clipcalib/adapt"
	"clipcalib/adapt/testtime"
	"clipcalib/internal/clip"
	"clipcalib/internal/demo"
	"clipcalib/internal/docfile"
	"clipcalib/internal/features"
	"clipcalib/internal/lanes"
	"clipcalib/internal/report"
	"clipcalib/weights"

	"github.com/spf13/cobra"
)

// demoFlags are the inputs of the demo command.
type demoFlags struct {
	model   modelFlags
	weights string
	out     string
	seeds   int
	epochs  int
	images  int
	views   int
	fold    string
	family  []string
	every   bool
}

// The families of methods that the demo can show.
const (
	familyAdapters = "adapters"
	familyPrompts  = "prompts"
	familyTestTime = "test-time"
)

// demoSeverity is the mildest corruption of the fashion task that is measured.
const demoSeverity = 3

var demoShots = map[string]int{"emoji": 8, "fashion": 16}

func demoCommand(a *app) *cobra.Command {
	var f demoFlags
	c := &cobra.Command{
		Use:   "demo",
		Short: "The whole pipeline on shipped pictures and weights, with a report at the end",
		Long: `Adapts a small CLIP that ships inside the program to two tasks of real pictures
that ship with it, by methods of all three families under every remedy and three
seeds, and measures accuracy and calibration at home and where the pictures
drift. Nothing is fetched. It prints tables and writes an HTML report; the runs
with all logits are kept beside it.

Shown are every adapter, one learned prompt (coop) and one way of tuning at test
time (tpt). --every adds the other learned prompts (but cocoop and promptsrc,
which would take the longest) and c-tpt; --families chooses among families.
Test-time tuning is measured on --images pictures of the source's test fold and of
every drift's, at its strongest: evenly spaced, other ones for every seed.`,
		Example: "  clipcalib demo\n  clipcalib demo --families prompts,test-time --every --out families\n" +
			"  clipcalib demo --out mydemo --seeds 1\n  clipcalib demo --weights ViT-B-32.pt",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.demo(c.Context(), f) },
	}
	f.model.add(c)
	fl := c.Flags()
	fl.StringVar(&f.weights, "weights", "", "another checkpoint in place of the shipped one")
	fl.StringVar(&f.out, "out", "clipcalib-demo", "folder of report and runs")
	fl.IntVar(&f.seeds, "seeds", 3, "number of draws of shots")
	fl.IntVar(&f.epochs, "epochs", 0, "training epochs; 0 is each method's own, 300 for adapters")
	fl.StringSliceVar(&f.family, "families", []string{familyAdapters, familyPrompts, familyTestTime},
		"adapters, prompts, test-time")
	fl.BoolVar(&f.every, "every", false, "more learned prompts and test-time methods than one each; takes minutes")
	fl.IntVar(&f.views, "views", 0, "augmented views of every shot; 0 is the plain picture, which did better on the "+
		"validation fold")
	fl.StringVar(&f.fold, "fold", string(demo.FoldTest), "fold that is measured on: test, or val to choose settings")
	fl.IntVar(&f.images, "images", 50, "pictures of every test fold that test-time tuning is measured on, a seed")
	a.addJobs(c)
	completes(c, "families", familyAdapters, familyPrompts, familyTestTime)
	return c
}

func (a *app) demo(ctx context.Context, f demoFlags) error {
	if f.seeds < 1 {
		return usagef("--seeds wants at least 1")
	}
	for _, name := range f.family {
		if !slices.Contains([]string{familyAdapters, familyPrompts, familyTestTime}, name) {
			return usagef("--families: unknown family %q; known are %s, %s, %s", name, familyAdapters, familyPrompts,
				familyTestTime)
		}
	}
	if f.fold != string(demo.FoldTest) && f.fold != string(demo.FoldVal) {
		return usagef("--fold %s: choose test or val", f.fold)
	}
	if f.views < 0 {
		return usagef("--views wants 0 or more")
	}
	if len(f.family) == 0 || f.images < 1 {
		return usagef("--families wants at least one family, --images at least 1")
	}
	begun := time.Now()
	src, name, err := a.demoSource(f)
	if err != nil {
		return err
	}
	defer src.Model.Close()
	x := demo.Experiment{
		Source: src, Out: filepath.Join(f.out, "runs"), Remedies: adapt.PaperRemedies(),
		Views: f.views, Fold: demo.Fold(f.fold), Bins: 10, TestImages: f.images,
		Train: adapt.Options{Epochs: f.epochs, LogitScale: src.Model.Config.Scale()},
	}
	shows := func(family string) bool { return slices.Contains(f.family, family) }
	if shows(familyAdapters) {
		x.Methods = adapt.Methods()[1:] // all but zero-shot, which every table has anyway
	}
	if shows(familyPrompts) {
		x.Prompts = demo.PromptMethods()
	}
	if shows(familyTestTime) {
		x.TestTime = []testtime.Method{testtime.TPT{}, testtime.CTPT{}}
	}
	if !f.every { // the first of each
		x.Prompts, x.TestTime = x.Prompts[:min(1, len(x.Prompts))], x.TestTime[:min(1, len(x.TestTime))]
	}
	work := lanes.Work{}
	if shows(familyPrompts) || shows(familyTestTime) {
		work.Towers = &src.Model.Config
	}
	if x.Lanes, err = a.openLanes(work); err != nil {
		return err
	}
	defer x.Lanes.Close()
	var steps atomic.Int64
	x.Steps = func(n int) { steps.Add(int64(n)) }
	for s := range f.seeds {
		x.Seeds = append(x.Seeds, uint64(s+1))
	}
	page := report.Page{
		Title:    "Adapted CLIP at home and under drift",
		Subtitle: "Every method under every remedy, on the pictures and the model that ship with clipcalib",
		Settings: []report.Setting{
			{Name: "Model", Value: name}, {Name: "Engine", Value: src.Model.Device.Name()},
			{Name: "Seeds", Value: fmt.Sprintf("%d draws of shots; cells are mean ± standard deviation", f.seeds)},
		},
		Footer: "Settings were chosen by accuracy on the validation fold (--fold val); no method or remedy was left " +
			"out or chosen by its result.",
	}
	setting := func(name, value string) {
		page.Settings = append(page.Settings, report.Setting{Name: name, Value: value})
	}
	if shows(familyAdapters) {
		setting("Training", fmt.Sprintf("the paper's recipe: SGD 0.1 with momentum 0.9, cosine schedule, %d epochs; %s",
			orDefault(f.epochs, 300), viewWords(f.views)))
	}
	if shows(familyPrompts) {
		setting("Prompts", fmt.Sprintf("by the recipes of their authors, which each run's log lists; %s",
			viewWords(f.views)))
	}
	for _, load := range []func() (*demo.Task, error){demo.EmojiPack, demo.FashionPack} {
		task, err := load()
		if err != nil {
			return err
		}
		sections, err := a.demoTask(ctx, x, task)
		if err != nil {
			return err
		}
		page.Sections = append(page.Sections, sections...)
	}
	a.note("%d steps made, counting an image tuned on as one; sals takes what was trained without a remedy",
		steps.Load())
	return a.demoOutput(f.out, page, time.Since(begun))
}

func viewWords(views int) string {
	if views == 0 {
		return "plain pictures, no augmentation"
	}
	return fmt.Sprintf("%d augmented views a shot", views)
}

func orDefault(v, def int) int {
	if v == 0 {
		return def
	}
	return v
}

// demoSource opens the shipped model, or the one asked for.
func (a *app) demoSource(f demoFlags) (*features.Source, string, error) {
	bank := filepath.Join(f.out, "bank")
	if f.weights != "" {
		src, err := a.openSource(sourceFlags{model: f.model, weights: f.weights, bank: bank})
		return src, f.weights, err
	}
	file, err := weights.OpenBytes(demo.ModelName, demo.Model())
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	c, err := file.CLIP(weights.Options{})
	if err != nil {
		return nil, "", err
	}
	sum, err := file.SHA256()
	if err != nil {
		return nil, "", err
	}
	d, err := a.openDevice()
	if err != nil {
		return nil, "", err
	}
	m, err := clip.New(c, clip.Options{Device: d, Batch: 128})
	if err != nil {
		return nil, "", err
	}
	a.note("%s; %s", demo.ModelName, d.Name())
	src := &features.Source{Model: m, Weights: sum, Precision: d.Precision(), Bank: bank}
	return src, demo.ModelName + ", " + c.Config.Architecture(), nil
}

// demoOutput prints the tables and writes the report and its files.
func (a *app) demoOutput(out string, page report.Page, spent time.Duration) error {
	html := filepath.Join(out, "report.html")
	if err := page.WriteFile(html); err != nil {
		return err
	}
	// What differs from one time to the next stands in a file of its own, so that
	// the others are the same bytes when the demo is repeated.
	times := demoTimes{Seconds: spent.Seconds(), PeakMemoryBytes: peakMemory()}
	if err := docfile.WriteJSON(filepath.Join(out, "times.json"), times); err != nil {
		return err
	}
	all := map[string][]report.Run{}
	for i, s := range page.Sections {
		all[s.Title] = s.Runs
		if s.Featured == "" {
			continue
		}
		grid := report.MethodGrid(s.Runs, s.Featured, report.Telling(s)...)
		if err := report.ReliabilityPNG(filepath.Join(out, fmt.Sprintf("reliability-%d.png", i+1)), grid); err != nil {
			return err
		}
	}
	if err := docfile.WriteJSON(filepath.Join(out, "results.json"), all); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(all)
	}
	for _, s := range page.Sections {
		fmt.Fprintf(a.out, "\n%s (per cent; mean ± standard deviation over seeds)\n\n", s.Title)
		if err := a.printTable(report.SummaryTable(s.Runs)); err != nil {
			return err
		}
	}
	abs, err := filepath.Abs(html)
	if err != nil {
		abs = html
	}
	fmt.Fprintf(a.out, "\nAll targets, reliability diagrams and logit ranges: %s\n", abs)
	if m := peakMemory(); m > 0 {
		fmt.Fprintf(a.out, "%s, %.0f MB at most\n", spent.Round(time.Second), m/1e6)
	}
	return nil
}

// demoTimes is what a run of the demo took.
type demoTimes struct {
	Seconds         float64 `json:"seconds"`
	PeakMemoryBytes float64 `json:"peak_memory_bytes,omitempty"` // where the kernel says it
}

// peakMemory is the most the process has had in memory, in bytes, where the
// kernel says it.
func peakMemory() float64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var kb float64
	for line := range strings.Lines(string(b)) {
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
			return kb * 1e3
		}
	}
	return 0
}
