package prompt

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"clipcalib/adapt"
	"clipcalib/internal/docfile"
	"clipcalib/weights"
)

// readSettings reads what Save put into the metadata.
func (l *Learner) readSettings(meta map[string]string) error {
	var err error
	if l.LogitScale, err = strconv.ParseFloat(meta["logit_scale"], 64); err != nil || !(l.LogitScale > 0) ||
		math.IsInf(l.LogitScale, 0) {
		return fmt.Errorf("logit scale %.40q is no positive number", meta["logit_scale"])
	}
	if l.Method, err = ParseMethod(meta["method"]); err == nil {
		l.Method, err = docfile.WithSettings(l.Method, meta["method_settings"])
	}
	if err != nil {
		return fmt.Errorf("method: %w", err)
	}
	if l.Remedy, err = adapt.ParseRemedy(meta["remedy"]); err == nil {
		l.Remedy, err = docfile.WithSettings(l.Remedy, meta["remedy_settings"])
	}
	if err != nil {
		return fmt.Errorf("remedy: %w", err)
	}
	for key, to := range map[string]any{"losses": &l.Losses, "classes": &l.classes} {
		if err := json.Unmarshal([]byte(meta[key]), to); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// readForeign tells the method of a checkpoint that says nothing of itself.
func (l *Learner) readForeign(f *weights.File, o LoadOptions) error {
	ctx, ok := find(f, nameCtx)
	if !ok {
		return fmt.Errorf("holds no learned prompts: no tensor %q or %q, but %s",
			nameCtx, strings.TrimPrefix(nameCtx, learner), excerpt(f.Names()))
	}
	if len(ctx.Shape) < 2 || len(ctx.Shape) > 3 {
		return fmt.Errorf("%s has shape %v, want [vectors, width] or [classes, vectors, width]", ctx.Name, ctx.Shape)
	}
	m := ctx.Shape[len(ctx.Shape)-2]
	has := func(name string) bool { _, ok := find(f, name); return ok }
	depth := func(pattern string, first int) int {
		n := 0
		for has(fmt.Sprintf(pattern, first+n)) {
			n++
		}
		return n + 1
	}
	switch {
	case has(nameMeta1 + "weight"):
		l.Method = CoCoOp{Contexts: m}
	case has(nameVision):
		s := PromptSRC{Contexts: m, Depth: depth(nameDeepWords, 1)}
		if v, _ := find(f, nameVision); len(v.Shape) == 2 {
			s.VisionContexts = v.Shape[0]
		}
		l.Method = s
	case has(nameCoupling + "weight"):
		l.Method = MaPLe{Contexts: m, Depth: depth(nameDeepText, 0)}
	default:
		l.Method = CoOp{Contexts: m, ClassSpecific: len(ctx.Shape) == 3}
	}
	l.Remedy = o.Remedy
	if l.Remedy == nil {
		l.Remedy = adapt.None{}
	}
	l.LogitScale = l.model.Config.Scale()
	return nil
}

// excerpt lists some of many names.
func excerpt(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// find looks a tensor up by its name in the whole model's state dict, or in
// that of the prompt learner alone, which CoOp and CoCoOp save.
func find(f *weights.File, name string) (*weights.Tensor, bool) {
	if t, ok := f.Lookup(name); ok {
		return t, true
	}
	if short, ok := strings.CutPrefix(name, learner); ok {
		return f.Lookup(short)
	}
	return nil, false
}

// readTensors reads the learned vectors and prepares the classes.
func (l *Learner) readTensors(f *weights.File, o LoadOptions) error {
	trained := l.classes
	if o.Classes != nil {
		l.classes = slices.Clone(o.Classes)
	}
	if len(l.classes) == 0 {
		return errors.New("the file does not say for which classes: give their names")
	}
	ctx, ok := find(f, nameCtx)
	if !ok || len(ctx.Shape) < 2 {
		return fmt.Errorf("tensor %s is missing or no matrix", nameCtx)
	}
	if l.Method.contexts().perClass {
		if n := ctx.Shape[0]; n != len(l.classes) {
			return fmt.Errorf("class-specific vectors for %d classes, used with %d classes", n, len(l.classes))
		}
		if trained != nil && !slices.Equal(trained, l.classes) {
			return errors.New("class-specific vectors fit the classes they were trained for only")
		}
	}
	m := ctx.Shape[len(ctx.Shape)-2]
	if m < 1 {
		return fmt.Errorf("tensor %s: shape %v holds no vectors", ctx.Name, ctx.Shape)
	}
	slots, err := l.Method.layout(l.model.Config, m, len(l.classes))
	if err != nil {
		return err
	}
	for _, s := range slots {
		p, err := readParam(f, s)
		if err != nil {
			return err
		}
		l.params = append(l.params, p)
	}
	if l.trie, err = newTrie(l.model, l.Method, l.classes, m); err != nil {
		return err
	}
	if t, ok := f.Lookup(namePlain); ok && slices.Equal(trained, l.classes) {
		p, err := readParam(f, slot{name: t.Name, shape: []int{len(l.classes), l.model.Config.EmbedDim}})
		if err != nil {
			return err
		}
		l.protos = adapt.Matrix{Rows: p.shape[0], Cols: p.shape[1], Data: p.data}
	}
	return nil
}

func readParam(f *weights.File, s slot) (param, error) {
	p := param{slot: s}
	t, ok := find(f, s.name)
	if !ok {
		return p, fmt.Errorf("tensor %s is missing", s.name)
	}
	if !slices.Equal(t.Shape, s.shape) {
		return p, fmt.Errorf("tensor %s: shape %v, want %v for this model and these classes", t.Name, t.Shape, s.shape)
	}
	var err error
	if p.data, err = t.Float32(); err != nil {
		return p, err
	}
	return p, p.check()
}
