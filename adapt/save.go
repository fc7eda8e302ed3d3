package adapt

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"clipcalib/internal/docfile"
	"clipcalib/weights"
)

const (
	adapterKind = "clipcalib adapter 1"
	keyKind     = "kind"
)

// Save writes the adapter as a safetensors file: its trained matrices, the
// text prototypes and, for Tip-Adapter, the cache with its labels. Method and
// remedy, with their settings, are in the file's metadata. Equal adapters give
// equal bytes.
func (a *Adapter) Save(path string) error {
	meta := map[string]string{
		keyKind:       adapterKind,
		"method":      a.Method.Name(),
		"remedy":      a.Remedy.Name(),
		"compat":      string(a.Compat),
		"logit_scale": strconv.FormatFloat(a.LogitScale, 'g', -1, 64),
	}
	for key, v := range map[string]any{"method_settings": a.Method, "remedy_settings": a.Remedy, "losses": a.Losses} {
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("save adapter: %s: %w", key, err)
		}
		meta[key] = string(text)
	}
	var tensors []weights.NamedTensor
	for _, group := range []map[string]Matrix{a.state.Trained, a.state.Fixed} {
		for _, name := range slices.Sorted(maps.Keys(group)) {
			m := group[name]
			tensors = append(tensors, weights.NamedTensor{Name: name, Shape: []int{m.Rows, m.Cols}, Data: m.Data})
		}
	}
	if labels := a.state.Labels; len(labels) > 0 {
		wide := make([]int64, len(labels))
		for i, y := range labels {
			wide[i] = int64(y)
		}
		tensors = append(tensors, weights.NamedTensor{Name: nameLabels, Shape: []int{len(wide)}, DType: weights.I64,
			Ints: wide})
	}
	if err := weights.WriteSafetensors(path, tensors, meta); err != nil {
		return fmt.Errorf("save adapter: %w", err)
	}
	return nil
}

const nameLabels = "cache_labels"

// IsSaved reports whether a file is one that [Adapter.Save] wrote.
func IsSaved(f *weights.File) bool { return f.Metadata()[keyKind] == adapterKind }

// Load reads an adapter that [Adapter.Save] wrote.
func Load(path string) (*Adapter, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load adapter: %w", err)
	}
	defer f.Close()
	a, err := fromFile(f)
	if err != nil {
		return nil, fmt.Errorf("load adapter %s: %w", path, err)
	}
	return a, nil
}

func fromFile(f *weights.File) (*Adapter, error) {
	meta := f.Metadata()
	if !IsSaved(f) {
		return nil, fmt.Errorf("not an adapter: its metadata says kind %.40q, want %q", meta[keyKind], adapterKind)
	}
	a := &Adapter{Compat: Compat(meta["compat"])}
	if err := a.Compat.check(); err != nil {
		return nil, err
	}
	var err error
	if a.LogitScale, err = strconv.ParseFloat(meta["logit_scale"], 64); err != nil {
		return nil, fmt.Errorf("logit scale: %w", err)
	}
	if err := json.Unmarshal([]byte(meta["losses"]), &a.Losses); err != nil {
		return nil, fmt.Errorf("losses: %w", err)
	}
	if a.Method, err = ParseMethod(meta["method"]); err != nil {
		return nil, fmt.Errorf("%w; one of a program's own is made known by RegisterMethod", err)
	}
	if a.Method, err = docfile.WithSettings(a.Method, meta["method_settings"]); err != nil {
		return nil, fmt.Errorf("method: %w", err)
	}
	if a.Remedy, err = ParseRemedy(meta["remedy"]); err != nil {
		return nil, fmt.Errorf("%w; one of a program's own is made known by RegisterRemedy", err)
	}
	if a.Remedy, err = docfile.WithSettings(a.Remedy, meta["remedy_settings"]); err != nil {
		return nil, fmt.Errorf("remedy: %w", err)
	}
	return a, a.readState(f)
}

func (a *Adapter) readState(f *weights.File) error {
	s := NewState()
	a.state = &s
	prototypes, err := readMatrix(f, namePrototypes)
	if err != nil {
		return err
	}
	a.state.Fixed[namePrototypes] = prototypes
	for _, w := range a.Method.Layout(prototypes.Rows, prototypes.Cols) {
		m, err := readMatrix(f, w.Name)
		if err != nil {
			return err
		}
		if (w.Rows != AnyRows && m.Rows != w.Rows) || m.Cols != w.Cols {
			return fmt.Errorf("tensor %s: shape [%d, %d] does not fit %d classes and width %d", w.Name, m.Rows, m.Cols,
				prototypes.Rows, prototypes.Cols)
		}
		if w.Trained {
			a.state.Trained[w.Name] = m
		} else {
			a.state.Fixed[w.Name] = m
		}
	}
	return a.readLabels(f)
}

func (a *Adapter) readLabels(f *weights.File) error {
	slot, ok := a.labelled()
	if !ok {
		return nil
	}
	t, ok := f.Lookup(nameLabels)
	if !ok {
		return fmt.Errorf("tensor %s is missing", nameLabels)
	}
	wide, err := t.Int64()
	if err != nil {
		return err
	}
	keys := a.state.Fixed[slot.Name]
	if slot.Trained {
		keys = a.state.Trained[slot.Name]
	}
	if len(wide) != keys.Rows {
		return fmt.Errorf("%d labels for %d keys of the cache", len(wide), keys.Rows)
	}
	for i, y := range wide {
		if y < -1 || y >= int64(a.Classes()) {
			return fmt.Errorf("label %d of key %d is outside 0 to %d", y, i, a.Classes()-1)
		}
		a.state.Labels = append(a.state.Labels, int(y))
	}
	return nil
}

// labelled returns the method's labelled slot, if it has one.
func (a *Adapter) labelled() (Slot, bool) {
	for _, s := range a.Method.Layout(a.Classes(), a.Width()) {
		if s.Labelled {
			return s, true
		}
	}
	return Slot{}, false
}

// readMatrix reads a matrix, or a vector as one row, of finite numbers.
func readMatrix(f *weights.File, name string) (Matrix, error) {
	t, ok := f.Lookup(name)
	if !ok {
		return Matrix{}, fmt.Errorf("tensor %s is missing", name)
	}
	if len(t.Shape) < 1 || len(t.Shape) > 2 {
		return Matrix{}, fmt.Errorf("tensor %s: shape %v, want a matrix", name, t.Shape)
	}
	rows, cols := 1, t.Shape[len(t.Shape)-1]
	if len(t.Shape) == 2 {
		rows = t.Shape[0]
	}
	data, err := t.Float32()
	if err != nil {
		return Matrix{}, err
	}
	m := Matrix{Rows: rows, Cols: cols, Data: data}
	return m, m.check("tensor " + name)
}
