package cli

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"clipcalib"
)

// predictionWriter writes predictions in the form that the flags name.
func (a *app) predictionWriter(f predictFlags, coverage *clipcalib.Coverage) predictionWriter {
	switch {
	case a.json:
		return &jsonPredictions{app: a, coverage: coverage}
	case f.csv:
		return &csvPredictions{w: csv.NewWriter(a.out)}
	}
	return textPredictions{a.out}
}

type predictionWriter interface {
	picture(name string, s clipcalib.Summary) error
	end(d clipcalib.BatchDrift, bad []unreadable) error
}

type textPredictions struct{ out io.Writer }

func (w textPredictions) picture(name string, s clipcalib.Summary) error {
	line := name
	for _, c := range s.Top {
		line += fmt.Sprintf("\t%s %.1f %%", c.Class, 100*c.Confidence)
	}
	if s.Set != nil {
		names := make([]string, len(s.Set.Classes))
		for i, c := range s.Set.Classes {
			names[i] = c.Class
		}
		line += "\tset: " + cmp.Or(strings.Join(names, ", "), "none")
		if !s.Set.Assured {
			line += " (" + s.Set.Note + ")"
		}
	}
	if s.Drift.Drifted != nil && *s.Drift.Drifted {
		line += "\tdrift: " + s.Drift.Note
	}
	_, err := fmt.Fprintln(w.out, line)
	return err
}

func (textPredictions) end(clipcalib.BatchDrift, []unreadable) error { return nil }

type csvPredictions struct {
	w     *csv.Writer
	begun bool
}

func (w *csvPredictions) picture(name string, s clipcalib.Summary) error {
	if !w.begun {
		w.begun = true
		head := []string{"picture", "rank", "class", "label", "confidence", "adapted", "zero_shot", "logit_range",
			"zero_shot_range", "range_ratio", "drifted"}
		if s.Set != nil {
			head = append(head, "in_set", "set_size", "set_assured")
		}
		err := w.w.Write(head)
		if err != nil {
			return err
		}
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	drifted := ""
	if s.Drift.Drifted != nil {
		drifted = strconv.FormatBool(*s.Drift.Drifted)
	}
	for i, c := range s.Top {
		row := []string{name, strconv.Itoa(i + 1), c.Class, strconv.Itoa(c.Label), number(c.Confidence),
			number(c.Adapted), number(c.ZeroShot), number(s.Range), number(s.ZeroShotRange), number(s.RangeRatio),
			drifted}
		if s.Set != nil {
			in := slices.ContainsFunc(s.Set.Classes, func(k clipcalib.SetClass) bool { return k.Label == c.Label })
			row = append(row, strconv.FormatBool(in), strconv.Itoa(len(s.Set.Classes)),
				strconv.FormatBool(s.Set.Assured))
		}
		err := w.w.Write(row)
		if err != nil {
			return err
		}
	}
	w.w.Flush()
	return w.w.Error()
}

func (*csvPredictions) end(clipcalib.BatchDrift, []unreadable) error { return nil }

type jsonPredictions struct {
	app      *app
	all      []jsonPrediction
	coverage *clipcalib.Coverage
}

// jsonPrediction is a picture as POST /predict of serve answers it.
type jsonPrediction struct {
	Name       string            `json:"name"`
	Prediction clipcalib.Summary `json:"prediction"`
}

func (w *jsonPredictions) picture(name string, s clipcalib.Summary) error {
	w.all = append(w.all, jsonPrediction{name, s})
	return nil
}

func (w *jsonPredictions) end(d clipcalib.BatchDrift, bad []unreadable) error {
	drift := map[string]any{"drifted": nil, "note": d.Note}
	if d.Known {
		drift = map[string]any{"drifted": d.Drifted, "outside": d.Outside, "pictures": d.Pictures,
			"expected_share": d.Expected, "distance": d.Distance, "p_value": d.PValue, "note": d.Note}
	}
	if bad == nil {
		bad = []unreadable{}
	}
	out := map[string]any{"predictions": w.all, "drift": drift, "unreadable": bad}
	if w.coverage != nil {
		out["coverage"] = w.coverage
	}
	return w.app.printJSON(out)
}
