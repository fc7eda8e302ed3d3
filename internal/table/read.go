package table

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/docfile"
	"clipcalib/internal/run"
)

// Target is a set of labelled pictures that runs are measured on. Two targets
// are one where their hashes are: names are for people.
type Target struct {
	Name    string // of the data set, told apart by the hash where that is needed
	Hash    string // of the list of pictures, labels and classes
	Samples int
	// FeaturesOnly says that no list of pictures is known, but files of features.
	FeaturesOnly bool

	contents    string // hash of the pictures whatever their order and names; "" is not known
	whole, half string // data set, and base or new where it is a half of its classes
}

// Evaluation is one run measured on one target, or the zero-shot model that it
// is compared with there.
type Evaluation struct {
	Run    string // folder
	Fields Fields // what decides it, seeds aside
	Seed   string // "1", or "1/2" for training and shots
	Data   string // hash of the training data, which differs from seed to seed
	Target Target
	Source bool // the target is of the data set that the run learnt from
	// Validation says that the target is the validation fold of a data set: what
	// is chosen may be chosen on it.
	Validation bool
	Classes    int

	Predictions calib.Predictions
	Ranges      []float64 // largest less smallest logit of every sample
	Metrics     calib.Metrics
	Values      map[string]float64 // the metrics by their keys in metrics.json
	labels      []int
	logits      calib.Matrix                // after the remedy
	resampled   calib.Resampled             // of [Table.Resample]
	sets        map[string]calib.SetFigures // of [Table.Conformal], by kind
	overSplits  map[string]calib.Interval   // of [Table.ConformalSplits], by key
	fitted      *Fitted                     // of [PostHoc]
	dir         string                      // of the evaluation
	reference   []float64                   // ranges of the zero-shot model on the same samples
	target      run.Target
	bins        int
	learnt      string // data set that the run learnt from, "" for none
	// unlike is the first of other runs whose zero-shot model, of the same recipe,
	// gave other figures.
	unlike *Evaluation
}

// Find lists the run folders at or below dir.
func Find(dir string) ([]string, error) {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if _, err := os.Stat(filepath.Join(path, "recipe.yaml")); err == nil {
				dirs = append(dirs, path)
				return filepath.SkipDir
			}
		}
		return nil
	})
	sort.Strings(dirs)
	return dirs, err
}

// Read reads the evaluations of runs, each measured with the given bins, and
// the zero-shot reference of every set of samples once, ahead of them. Folders
// that hold no finished evaluation are returned by name.
func Read(runs []string, bins int) (found []Evaluation, without []string, err error) {
	var adapted, zeroShot []Evaluation
	seen := map[string]bool{}
	for _, dir := range runs {
		real, err := filepath.Abs(dir)
		if err != nil {
			return nil, nil, err
		}
		if seen[real] { // named twice, or below a folder that is named too
			continue
		}
		seen[real] = true
		a, z, err := readRun(dir, bins)
		if err != nil {
			return nil, nil, err
		}
		if len(a) == 0 {
			without = append(without, dir)
		}
		without = append(without, run.Unfinished(dir)...)
		adapted, zeroShot = append(adapted, a...), append(zeroShot, z...)
	}
	once := map[string]int{} // under every name: one list measured under two has two columns
	for _, z := range zeroShot {
		k := fmt.Sprintf("%s%q %s %d", z.Fields.key(), z.Target.Name, z.Target.Hash, z.Target.Samples)
		first, seen := once[k]
		if !seen {
			once[k] = len(found)
			found = append(found, z)
		} else if f := &found[first]; f.unlike == nil && !alike(f.Metrics, z.Metrics) {
			f.unlike = &z
		}
	}
	return append(found, adapted...), without, nil
}

// alike says that the figures of two zero-shot models are one but for what machines
// round otherwise.
func alike(a, b calib.Metrics) bool {
	return math.Abs(a.Accuracy-b.Accuracy) < 1e-4 && math.Abs(a.ECE-b.ECE) < 1e-4 &&
		math.Abs(a.LogitRange-b.LogitRange) < 1e-3*math.Abs(a.LogitRange)+1e-9
}

// ReadFields reads everything that a run's recipe says, by dotted names.
func ReadFields(dir string) (Fields, error) {
	var doc map[string]any
	if err := run.CheckFiles(dir, "recipe.yaml"); err != nil {
		return nil, err
	}
	if err := docfile.ReadYAML(filepath.Join(dir, "recipe.yaml"), &doc); err != nil {
		return nil, err
	}
	recipe := Fields{}
	flatten("", doc, recipe)
	if recipe["method"] == "" || recipe["remedy"] == "" {
		return nil, fmt.Errorf("%s names no method and no remedy: it is damaged", filepath.Join(dir, "recipe.yaml"))
	}
	return recipe, nil
}

// readRun reads the evaluations of one run and their zero-shot references.
func readRun(dir string, bins int) (adapted, zeroShot []Evaluation, err error) {
	recipe, err := ReadFields(dir)
	if err != nil {
		return nil, nil, err
	}
	evals, err := run.Evaluations(dir)
	if err != nil {
		return nil, nil, err
	}
	targets := make([]run.Target, len(evals))
	for i, e := range evals {
		targets[i] = e.Target
	}
	source := Sources(recipe["inputs.data"], targets)
	for i, e := range evals {
		a, z, err := evaluated(dir, recipe, e, bins)
		if err != nil {
			return nil, nil, err
		}
		a.Source, z.Source = source[i], source[i]
		adapted, zeroShot = append(adapted, a), append(zeroShot, z)
	}
	return adapted, zeroShot, nil
}

// evaluated is an evaluation and its reference, measured.
func evaluated(dir string, recipe Fields, e run.Evaluation, bins int) (adapted, zeroShot Evaluation, err error) {
	fields := deciding(recipe)
	fields[fieldMethod], fields[fieldRemedy] = recipe["method"], e.Target.Remedy
	if name := recipe["inputs.data"]; name != "" {
		fields[fieldSource] = data.NameOf(name)
	}
	if e.Target.Remedy != recipe["remedy"] {
		fields["trained_with"] = recipe["remedy"]
	}
	if e.Target.Prototypes != "" {
		fields["prototypes"] = e.Target.Prototypes
	}
	seed := recipe["seed"]
	if shots := recipe["inputs.data_seed"]; shots != "" && shots != seed {
		seed += "/" + shots
	}
	target := Target{Name: targetName(e, recipe["remedy"]), Hash: e.Target.Inputs.DataHash(), Samples: len(e.Labels),
		FeaturesOnly: e.Target.Inputs.DataSHA256 == "", contents: e.Contents}
	target.whole, target.half = halfOf(e.Target.Inputs.Data)
	adapted = Evaluation{Run: dir, Fields: fields, Seed: seed, Data: recipe["inputs.data_sha256"], Target: target,
		Validation: e.Target.ValidationFor(recipe["inputs.data"]), Classes: e.Logits.K, dir: e.Dir, target: e.Target,
		learnt: recipe["inputs.data"]}
	zeroShot = adapted
	zeroShot.Fields, zeroShot.Seed, zeroShot.Data = zeroShotFields(fields, e.Target), "", ""
	for _, m := range []struct {
		logits calib.Matrix
		into   *Evaluation
	}{{e.Logits, &adapted}, {e.ZeroShot, &zeroShot}} {
		m.into.bins = bins
		if err := m.into.measure(m.logits, e.Labels); err != nil {
			return adapted, zeroShot, fmt.Errorf("%s: %w", e.Dir, err)
		}
	}
	adapted.reference, zeroShot.reference = zeroShot.Ranges, zeroShot.Ranges
	return adapted, zeroShot, nil
}

// measure takes up logits and their metrics.
func (e *Evaluation) measure(logits calib.Matrix, labels []int) error {
	p, err := calib.Predict(logits, labels)
	if err != nil {
		return err
	}
	e.Predictions, e.Metrics = p, p.Metrics(calib.Options{Bins: e.bins})
	e.Values, e.labels, e.logits, e.Ranges = Values(e.Metrics), labels, logits, Ranges(logits)
	return nil
}

// Ranges are the samples' largest less smallest logit.
func Ranges(logits calib.Matrix) []float64 {
	out := make([]float64, logits.N)
	for i := range out {
		row := logits.Row(i)
		out[i] = slices.Max(row) - slices.Min(row)
	}
	return out
}

// zeroShotFields are what decides the reference of an evaluation: the model, the
// pictures' preprocessing at the target and the prompts.
func zeroShotFields(adapted Fields, t run.Target) Fields {
	f := Fields{fieldMethod: ZeroShot, fieldRemedy: "none"}
	for _, name := range []string{fieldWeights, "logit_scale", fieldTemplates, "features"} {
		if v := adapted[name]; v != "" {
			f[name] = v
		}
	}
	if len(t.Inputs.Templates) > 0 {
		texts := make([]any, len(t.Inputs.Templates))
		for i, s := range t.Inputs.Templates {
			texts[i] = s
		}
		flatten(fieldTemplates, texts, f)
	}
	return f
}

// targetName is the folder's name without the marks that keep folders apart:
// the start of the hash, and a remedy that is not the run's.
func targetName(e run.Evaluation, remedy string) string {
	name := e.Name
	if hash := e.Target.Inputs.DataSHA256; hash != "" {
		name = trimSuffix(name, "-"+run.ShortHash(hash))
	}
	if e.Target.Remedy != remedy {
		name = trimSuffix(name, "-"+e.Target.Remedy)
	}
	return name
}

func trimSuffix(name, suffix string) string {
	if len(name) > len(suffix) && name[len(name)-len(suffix):] == suffix {
		return name[:len(name)-len(suffix)]
	}
	return name
}

// Sources tells which targets are of the data set that a run learnt from. Sets
// move, so the name decides; among several of that name it is the one in the
// same place.
func Sources(source string, targets []run.Target) []bool {
	named, placed := make([]bool, len(targets)), make([]bool, len(targets))
	sets, anyPlaced := map[string]bool{}, false
	for i, t := range targets {
		if source == "" || t.Inputs.Data == "" || data.NameOf(source) != data.NameOf(t.Inputs.Data) {
			continue
		}
		named[i], placed[i] = true, data.SamePlace(source, t.Inputs.Data)
		sets[t.Inputs.DataSHA256], anyPlaced = true, anyPlaced || placed[i]
	}
	if len(sets) > 1 && anyPlaced {
		return placed
	}
	return named
}

// Values lists metrics by their keys in metrics.json.
func Values(m calib.Metrics) map[string]float64 {
	var out map[string]float64
	raw, err := json.Marshal(m)
	if err != nil || json.Unmarshal(raw, &out) != nil {
		return nil
	}
	return out
}
