package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/adapt/prompt"
	"clipcalib/internal/atomicfile"
	"clipcalib/internal/demo"
	"clipcalib/internal/exitcode"
	"clipcalib/internal/recipe"
	"clipcalib/internal/run"
	"clipcalib/internal/study"
	"clipcalib/weights"
)

// studyModel is the checkpoint of a study.
type studyModel struct {
	path  string
	facts []study.Fact
}

// studyTasks are the user's task, or those that ship, whose pictures are written
// below the study's folder for the commands that read them.
func (a *app) studyTasks(f studyFlags) (tasks []study.Task, m studyModel, err error) {
	if f.own.data != "" {
		t := study.Task{Name: "own", Title: "a task of one's own", Templates: f.own.templates, Shots: f.own.shots}
		m.path, t.Source, t.Drifts = f.own.weights, f.own.data, slices.Clone(f.own.targets)
		if len(t.Templates) == 0 {
			t.Templates = []string{"a photo of a {}."}
		}
		if err := absolute(&m.path, &t.Source); err != nil {
			return nil, m, err
		}
		if err := absoluteAll(t.Drifts); err != nil {
			return nil, m, err
		}
		t.Few, t.FewDrifts = t.Source, t.Drifts
		m.facts, err = modelFacts(m.path)
		return []study.Task{t}, m, err
	}
	dir := filepath.Join(f.source.out, "data")
	m.path = filepath.Join(dir, demo.ModelName)
	if err := atomicfile.WriteBytes(m.path, demo.Model()); err != nil {
		return nil, m, err
	}
	for _, load := range []func() (*demo.Task, error){demo.EmojiPack, demo.FashionPack} {
		pack, err := load()
		if err != nil {
			return nil, m, err
		}
		t := study.Task{Name: pack.Name, Title: pack.Title, Templates: pack.Templates, Shots: demoShots[pack.Name]}
		for i, d := range pack.Domains {
			if d.Severity != 0 && d.Severity != demoSeverity {
				continue
			}
			folds := []demo.Fold{demo.FoldTest}
			if i == 0 {
				folds = demo.Folds
			}
			all, few := filepath.Join(dir, pack.Name+"-"+d.Name), filepath.Join(dir, fmt.Sprintf("few-%d", f.images),
				pack.Name+"-"+d.Name)
			if err := pack.Archive(all, d, studyMost, folds...); err != nil {
				return nil, m, err
			}
			if err := pack.Archive(few, d, f.images, folds...); err != nil {
				return nil, m, err
			}
			if i == 0 {
				t.Source, t.Few = all, few
			} else {
				t.Drifts, t.FewDrifts = append(t.Drifts, all), append(t.FewDrifts, few)
			}
		}
		t.FewDrifts = []string{t.FewDrifts[0], t.FewDrifts[len(t.FewDrifts)-1]}
		tasks = append(tasks, t)
	}
	m.facts, err = modelFacts(m.path)
	return tasks, m, err
}

// studyMost is how many pictures of a shipped fold are taken at most.
const studyMost = 500

func modelFacts(path string) ([]study.Fact, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sum, err := f.SHA256()
	return []study.Fact{{Name: "model", Value: filepath.Base(path)}, {Name: "model SHA-256", Value: sum}}, err
}

// showStudy says what there is to do.
func (a *app) showStudy(steps []study.Step, f studyFlags) error {
	out := a.err
	if f.source.dry {
		out = a.out
	}
	type line struct {
		Step    string  `json:"step"`
		Runs    int     `json:"runs"`
		Targets int     `json:"targets"`
		Seconds float64 `json:"seconds,omitempty"`
	}
	var lines []line
	total := line{Step: "all"}
	for _, s := range steps {
		l := line{s.Recipe.ID, len(s.Recipe.Cells()), len(s.Recipe.Targets()), 0}
		if f.own.data == "" {
			l.Seconds = s.Seconds(f.images)
		}
		total.Runs += l.Runs
		total.Seconds += l.Seconds
		lines = append(lines, l)
	}
	if a.json && f.source.dry {
		return a.printJSON(append(lines, total))
	}
	if a.quiet && !f.source.dry {
		return nil
	}
	time := func(s float64) string {
		if f.own.data != "" {
			return "time not known"
		}
		return duration(s)
	}
	for _, l := range append(lines, total) {
		fmt.Fprintf(out, "  %-28s %4d runs  %s\n", l.Step, l.Runs, time(l.Seconds))
	}
	if f.own.data == "" {
		fmt.Fprintf(out, "time: %.2f h of one Zen 4 core, as measured there with the shipped model, for the "+
			"cores to share; what is kept is not done again\n", total.Seconds/3600)
	}
	return nil
}

// studyStep runs a step by the command that it is of, and takes up its runs. What
// fails is noted; the error returned ends the command.
func (a *app) studyStep(ctx context.Context, f studyFlags, s study.Step, found *studyFound) error {
	out := filepath.Join(f.source.out, "runs", filepath.FromSlash(strings.TrimPrefix(s.Recipe.ID, "study/")))
	if f.asIs {
		return studyFinished(s, out, found)
	}
	if len(s.Choose) > 0 {
		var err error
		if s.Recipe, err = a.studyChoose(ctx, f, s, out+"-choice", found); err != nil {
			return a.studyFailed(ctx, s, err, found)
		}
	}
	cells, err := a.studyGrid(ctx, f, s.Recipe, out)
	if err != nil && len(cells) == 0 {
		return a.studyFailed(ctx, s, err, found)
	}
	found.took(err)
	for _, c := range cells {
		found.cells++
		if c.State == cellFailed {
			found.failed++
			fmt.Fprintf(a.err, "failed: %s: %s: %s\n", s.Recipe.ID, c.Cell, c.Error)
			continue
		}
		h, err := readHead(c.Run)
		if err != nil {
			return err
		}
		r := study.Run{Seed: fmt.Sprint(h.Seed), Key: study.Key{Task: s.Task.Name, Family: s.Family,
			Method: s.Method(h.Method), Remedy: h.Remedy}}
		if s.Family == study.Prompts && h.Remedy == "none" {
			if err := a.studyDAC(ctx, f, s, c.Run); err != nil {
				return a.studyFailed(ctx, s, err, found)
			}
		}
		if r.Targets, err = studyTargets(s, c.Run); err != nil {
			return err
		}
		found.runs = append(found.runs, r)
	}
	return nil
}

// studyFinished takes up the runs of a step that are there, and were measured in
// every place.
func studyFinished(s study.Step, out string, found *studyFound) error {
	entries, err := os.ReadDir(out)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		dir := filepath.Join(out, e.Name())
		h, err := readHead(dir)
		if err != nil {
			return err
		}
		if !slices.Contains(s.Recipe.Methods, h.Method) || !slices.Contains(s.Recipe.Remedies(), h.Remedy) ||
			!slices.Contains(s.Recipe.Seeds(), fmt.Sprint(h.Seed)) || len(run.Unfinished(dir)) > 0 {
			continue
		}
		r := study.Run{Seed: fmt.Sprint(h.Seed), Key: study.Key{Task: s.Task.Name, Family: s.Family,
			Method: s.Method(h.Method), Remedy: h.Remedy}}
		if r.Targets, err = studyTargets(s, dir); err != nil {
			return err
		}
		if len(r.Targets) >= len(s.Task.Places(s.Family)) {
			found.runs = append(found.runs, r)
		}
	}
	return nil
}

// studyGrid runs a recipe's grid and returns its cells.
func (a *app) studyGrid(ctx context.Context, f studyFlags, r recipe.Recipe, out string) ([]cellResult, error) {
	if _, err := writeRecipe(f.source.out, r); err != nil {
		return nil, err
	}
	silent := *a
	silent.quiet = true
	printed, err := silent.sub(ctx, &paperWork{source: f.source}, r, out, r.Targets())
	var result struct {
		Cells []cellResult `json:"cells"`
	}
	if decoded := json.Unmarshal(printed, &result); decoded != nil && err == nil {
		return nil, fmt.Errorf("%s: %w", r.ID, decoded)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return result.Cells, err
}

// studyChoose sets the constants that give the lowest likelihood loss on the
// validation fold.
func (a *app) studyChoose(ctx context.Context, f studyFlags, s study.Step, out string,
	found *studyFound) (recipe.Recipe, error) {
	r := s.Recipe.With("remedy", "none").With("seed", "1")
	for _, p := range s.Task.Places(s.Family) {
		if p.Where == study.Fold {
			r = r.WithTargets([]string{p.Spec})
		}
	}
	best, lowest := -1, 0.0
	for i, choice := range s.Choose {
		tried := r
		for _, set := range choice {
			name, value, _ := strings.Cut(set, "=")
			tried = tried.WithSetting(name, value)
		}
		cells, err := a.studyGrid(ctx, f, tried, out)
		if err != nil {
			return r, err
		}
		for _, c := range cells {
			for _, t := range c.Targets {
				if best < 0 || t.Metrics.NLL < lowest {
					best, lowest = i, t.Metrics.NLL
				}
			}
		}
	}
	if best < 0 {
		return r, fmt.Errorf("%s: no run on the validation fold to choose constants by", r.ID)
	}
	words := strings.Join(s.Choose[best], ", ")
	found.facts = append(found.facts, study.Fact{Name: fmt.Sprintf("constants of %s on %s",
		strings.Join(s.Recipe.Methods, ", "), s.Task.Name), Value: fmt.Sprintf("%s, of %d tried, by the likelihood of "+
		"the validation fold", words, len(s.Choose))})
	chosen := s.Recipe
	for _, set := range s.Choose[best] {
		name, value, _ := strings.Cut(set, "=")
		chosen = chosen.WithSetting(name, value)
	}
	return chosen, nil
}

// studyDAC evaluates a run of prompts under distance-aware calibration on the new
// classes. CoCoOp has none: its text features differ from image to image.
func (a *app) studyDAC(ctx context.Context, f studyFlags, s study.Step, dir string) error {
	if h, err := readHead(dir); err != nil || h.Method == (prompt.CoCoOp{}).Name() {
		return err
	}
	sub := *a
	sub.out, sub.json, sub.quiet = new(strings.Builder), true, true
	c := evalCommand(&sub)
	args := append(f.source.modelArgs(), dir, "--remedy", study.DAC)
	if f.source.bank != "" {
		args = append(args, "--bank", f.source.bank)
	}
	for _, p := range s.Task.Places(s.Family) {
		if strings.HasPrefix(p.Where, study.New) {
			args = append(args, "--data", p.Spec)
		}
	}
	c.SetArgs(args)
	c.SilenceErrors, c.SilenceUsage = true, true
	err := c.ExecuteContext(ctx)
	if exitcode.Of(err) == exitcode.Partial {
		return nil
	}
	return err
}

// studyTargets are the evaluations of a run at the places of its step.
func studyTargets(s study.Step, dir string) (targets []study.Target, err error) {
	entries, err := os.ReadDir(filepath.Join(dir, "targets"))
	if err != nil {
		return nil, err
	}
	where := map[string]string{}
	for _, p := range s.Task.Places(s.Family) {
		where[p.Spec] = p.Where
	}
	for _, e := range entries {
		at := filepath.Join(dir, "targets", e.Name())
		t, err := run.ReadTarget(at)
		if err != nil {
			return nil, err
		}
		if w := where[t.Inputs.Data]; w != "" {
			if err := study.Whole(at, t); err != nil {
				return nil, err
			}
			targets = append(targets, study.Target{Dir: at, Where: w})
		}
	}
	return targets, nil
}

func (a *app) studyFailed(ctx context.Context, s study.Step, err error, found *studyFound) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Fprintf(a.err, "failed: %s: %s\n", s.Recipe.ID, oneLine(err))
	n := len(s.Recipe.Cells())
	found.failed, found.cells = found.failed+n, found.cells+n
	found.took(err)
	return nil
}

// took takes up what an error says of the exit code.
func (f *studyFound) took(err error) {
	p := paperFound{worst: f.worst, leftOut: f.left}
	p.take(err)
	f.worst, f.left = p.worst, p.leftOut
}
