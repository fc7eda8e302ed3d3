package cli

import (
	"context"
	"path/filepath"
	"strings"

	"clipcalib/internal/figure"
	"clipcalib/internal/paper"
	"clipcalib/internal/recipe"
)

// paperFigures are the kinds that may be of the paper.
var paperFigures = []string{"reliability", "range"}

// given says whether the flags name a source.
func (s *paperSource) given() bool { return s.root != "" || s.logits != "" || len(s.weights) > 0 }

// paperFigure draws one of the paper's figures, as SVG and as PDF.
func (a *app) paperFigure(ctx context.Context, kind, out string, s paperSource) error {
	if err := s.check(false); err != nil {
		return err
	}
	t, err := recipe.FindTable("figures")
	if err != nil {
		return err
	}
	found, err := a.paperResults(ctx, t, s)
	if err != nil || found == nil {
		return err
	}
	b := t.Blocks[0]
	var f figure.Figure
	if kind == "range" {
		f, err = paper.Range(b, found.measured)
	} else {
		f, err = paper.Reliability(b, found.measured, b.Sets[:2]) // the paper's has two sets
	}
	if err != nil {
		return err
	}
	files := []string{out}
	for ending, other := range map[string]string{".svg": ".pdf", ".pdf": ".svg"} {
		if e := filepath.Ext(out); strings.EqualFold(e, ending) {
			files = append(files, strings.TrimSuffix(out, e)+other)
		}
	}
	for _, file := range files {
		if err := figure.Write(file, f); err != nil {
			return err
		}
		a.note("wrote %s", file)
	}
	for _, n := range append(found.notes, paper.WhyAbsent(found.absent)...) {
		a.note("%s", n)
	}
	return found.end()
}
