package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/data/catalog"
	"clipcalib/internal/named"
	"clipcalib/internal/paper"
	"clipcalib/internal/recipe"
	"clipcalib/internal/regular"
)

// dump is one saved result: files of logits of a method on a set.
type dump struct {
	model, method, remedy, set, seed string
	logits, labels, zeroShot         string
	fit                              savedResult // fold that scalers are fitted on, and sets calibrated
	fitName                          string      // of the fold, for people; "" is its logits' file
	own                              ownFeatures // of a zero-shot result, for sets by adapted prototypes
	at                               string      // where it is said, for messages
}

// indexFile names the results in a folder of saved logits.
const indexFile = "index.csv"

// savedLogits makes a table's results from saved logits.
func (a *app) savedLogits(ctx context.Context, t recipe.Table, s paperSource) (*paperFound, error) {
	only, err := newSelection(t, s.only)
	if err != nil {
		return nil, err
	}
	dumps, skipped, err := findDumps(s.logits)
	if err != nil {
		return nil, fmt.Errorf("--logits %s: %w", s.logits, err)
	}
	found := &paperFound{asked: s.sets.asked()}
	if found.scalers, err = s.scalers.open(); err != nil {
		return nil, err
	}
	used := map[int]bool{}
	for _, b := range t.Blocks {
		for _, row := range b.Rows {
			for _, name := range row.Recipes {
				for _, set := range only.sets(b, row, name) {
					n, why, err := takeDumps(ctx, dumps, used, b, row, set, found)
					if err != nil {
						return nil, fmt.Errorf("--logits: %w", err)
					}
					found.cells++
					if n == 0 {
						found.lacking++
						found.lacks(paperRow{b.Model, row}, []string{set}, why)
					}
				}
			}
		}
	}
	if len(used) == 0 {
		return nil, fmt.Errorf("--logits %s: of %d results there none is of this table", s.logits, len(dumps))
	}
	if note := unused(dumps, used); note != "" {
		found.notes = append(found.notes, note)
	}
	found.notes = append(found.notes, skipped...)
	return found, nil
}

// takeDumps takes up the saved results of a row on a set. A row of SaLS without
// any is made from those without a remedy. With none taken, why says why.
func takeDumps(ctx context.Context, dumps []dump, used map[int]bool, b recipe.Block, row recipe.Row, set string,
	found *paperFound) (n int, why string, err error) {
	why = "no saved logits"
	take := func(remedy string, sals bool) error {
		for i, d := range dumps {
			if d.model != b.Model || d.method != row.Method || d.remedy != remedy || d.set != set {
				continue
			}
			m := paper.Measured{Model: b.Model, Row: row.Label, Set: set, Seed: d.seed, Where: d.logits}
			zero := ""
			if sals {
				if zero = d.zeroShot; zero == "" {
					zero = savedZeroShot(dumps, d)
				}
				if zero == "" {
					continue
				}
				m.Where += " and " + zero
				if err := oneOrder(ctx, dumps, d, zero); err != nil {
					return fmt.Errorf("%s: %w", d.at, err)
				}
			}
			done, not, err := found.takeSaved(ctx, d, zero, row, m)
			switch {
			case err != nil:
				return fmt.Errorf("%s: %w", d.at, err)
			case done:
				used[i], n = true, n+1
			default:
				why = not
			}
		}
		return nil
	}
	if err = take(row.Remedy, false); err == nil && n == 0 && row.Remedy == "sals" {
		err = take("none", true)
	}
	return n, why, err
}

// savedZeroShot are the zero-shot logits of a result's model and set.
func savedZeroShot(dumps []dump, d dump) string {
	for _, o := range dumps {
		if o.method == recipe.ZeroShotMethod && o.model == d.model && o.set == d.set {
			return o.logits
		}
	}
	return ""
}

// findDumps lists the results below a folder: those that its index names, or,
// without one, those of the runs below it, or those that lie as the paper's code
// writes them.
func findDumps(dir string) (dumps []dump, skipped []string, err error) {
	f, err := regular.Open(filepath.Join(dir, indexFile))
	if errors.Is(err, fs.ErrNotExist) {
		if dumps, skipped, err = runDumps(dir); err != nil || len(dumps)+len(skipped) > 0 {
			return dumps, skipped, err
		}
		return released(dir)
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	r := csv.NewReader(io.LimitReader(f, 16<<20))
	r.TrimLeadingSpace = true
	records, err := r.ReadAll()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", indexFile, err)
	}
	if len(records) < 2 {
		return nil, nil, fmt.Errorf("%s: it holds no line below the header "+
			"model,method,remedy,set,seed,logits,labels,zero_shot", indexFile)
	}
	for i, name := range records[0] {
		if slices.Contains(records[0][:i], name) {
			return nil, nil, fmt.Errorf("%s: column %q is there twice", indexFile, name)
		}
	}
	for i, record := range records[1:] {
		d, err := indexed(dir, records[0], record)
		d.at = fmt.Sprintf("%s, line %d", indexFile, i+2)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", d.at, err)
		}
		for _, o := range dumps {
			if o.model == d.model && o.method == d.method && o.remedy == d.remedy && o.set == d.set &&
				o.seed == d.seed {
				return nil, nil, fmt.Errorf("%s: it is of the same run and set as %s", d.at, o.at)
			}
			if o.logits == d.logits {
				return nil, nil, fmt.Errorf("%s: its logits are those of %s, %s: every result has its own", d.at, o.at,
					d.logits)
			}
		}
		dumps = append(dumps, d)
	}
	return dumps, nil, nil
}

// indexed reads a line of the index.
func indexed(dir string, header, record []string) (d dump, err error) {
	scale := ""
	fields := map[string]*string{"model": &d.model, "method": &d.method, "remedy": &d.remedy, "set": &d.set,
		"seed": &d.seed, "logits": &d.logits, "labels": &d.labels, "zero_shot": &d.zeroShot,
		"fit_logits": &d.fit.logits, "fit_labels": &d.fit.labels, "fit_zero_shot": &d.fit.zeroShot,
		"features": &d.own.features, "fit_features": &d.own.fold, "text_features": &d.own.text, "logit_scale": &scale}
	known := slices.Sorted(maps.Keys(fields))
	for i, name := range header {
		to, ok := fields[name]
		if !ok {
			return d, fmt.Errorf("unknown column %q%s", name, named.Suggestion(name, known))
		}
		*to = strings.TrimSpace(record[i])
	}
	if d.remedy == "" {
		d.remedy = "none"
	}
	if n, err := strconv.Atoi(d.seed); err == nil { // 1 and 01 are one seed
		d.seed = strconv.Itoa(n)
	}
	for name, v := range map[string]string{"model": d.model, "method": d.method, "set": d.set, "logits": d.logits,
		"labels": d.labels} {
		if v == "" {
			return d, fmt.Errorf("%s is empty", name)
		}
	}
	if (d.fit.logits == "") != (d.fit.labels == "") || d.fit.zeroShot != "" && d.fit.logits == "" {
		return d, errors.New("fit_logits and fit_labels belong together, and fit_zero_shot to both")
	}
	if scale != "" {
		if d.own.scale, err = strconv.ParseFloat(scale, 64); err != nil || !(d.own.scale > 0) {
			return d, fmt.Errorf("logit_scale %q: want exp(logit_scale) of the model, about 100 for CLIP", scale)
		}
	}
	if err := d.checkFeatures(); err != nil {
		return d, err
	}
	set, err := catalog.Find(d.set)
	if err != nil {
		return d, err
	}
	d.set = set.ID
	for _, path := range []*string{&d.logits, &d.labels, &d.zeroShot, &d.fit.logits, &d.fit.labels, &d.fit.zeroShot,
		&d.own.features, &d.own.fold, &d.own.text} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
	if d.zeroShot == d.logits {
		return d, fmt.Errorf("%s is named as logits and as zero_shot: SaLS would change nothing", d.logits)
	}
	return d, nil
}

// releasedPath is where the paper's code for adapters saves logits: below the
// set, the trainer and the backbone, and but for zero-shot the recipe and seed.
var releasedPath = regexp.MustCompile(`(?:^|/)([^/]+)/(ZS|ADAPTER|ADAPTER_ZSNORM|ADAPTER_ZSPEN)/(rn50|vitb16)/` +
	`(?:[^/]*_([^/_]+)Init_noneConstraint_16shots/seed(\d+)/)?(logits|target)\.pt$`)

var (
	releasedRemedies = map[string]string{"ZS": "none", "ADAPTER": "none", "ADAPTER_ZSNORM": "zs-norm",
		"ADAPTER_ZSPEN": "penalty"}
	releasedModels  = map[string]string{"rn50": "RN50", "vitb16": "ViT-B/16"}
	releasedMethods = map[string]string{"TR": "taskres", "ClipA": "clip-adapter", "TipA-f-": "tip-adapter-f"}
)

// released lists the logits of a tree of the paper's code. The labels are those
// that its zero-shot run saved for the set.
func released(dir string) (dumps []dump, skipped []string, err error) {
	labels := map[string]string{}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		slashed := filepath.ToSlash(path)
		of := releasedPath.FindStringSubmatch(slashed)
		if of == nil || (of[2] == "ZS") != (of[4] == "") {
			if strings.HasSuffix(slashed, "/logits.pt") {
				skipped = append(skipped, path+": it lies where no run of the paper's adapters of 16 shots would")
			}
			return nil
		}
		set, err := catalog.Find(of[1])
		switch {
		case err != nil:
			skipped = append(skipped, path+": "+err.Error())
		case of[6] == "target":
			if labels[set.ID] == "" {
				labels[set.ID] = path
			}
		case of[2] != "ZS" && releasedMethods[of[4]] == "":
			skipped = append(skipped, path+": the table has no method "+of[4])
		default:
			d := dump{model: releasedModels[of[3]], method: releasedMethods[of[4]], remedy: releasedRemedies[of[2]],
				set: set.ID, seed: of[5], logits: path, at: path}
			if of[2] == "ZS" {
				d.method = recipe.ZeroShotMethod
			}
			dumps = append(dumps, d)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if len(dumps) == 0 {
		return nil, nil, fmt.Errorf("there is no %s and no run, and nothing lies as the paper's code saves logits "+
			"(SET/ADAPTER/rn50/.../seed1/logits.pt)", indexFile)
	}
	for i := range dumps {
		if dumps[i].labels = labels[dumps[i].set]; dumps[i].labels == "" {
			return nil, nil, fmt.Errorf("%s: there are no labels of %s (target.pt beside zero-shot logits)",
				dumps[i].logits,
				dumps[i].set)
		}
	}
	return dumps, skipped, nil
}
