package adapt

import (
	"fmt"
	"path/filepath"
	"strings"

	"clipcalib/weights"
)

// Foreign says what a checkpoint of another implementation's adapter does not.
type Foreign struct {
	// Method is how it was trained, with its settings: those of [InspectForeign]
	// but for CLIPCalib's and CLAP's classifiers and residuals, which have one name.
	Method Method
	Remedy Remedy // nil means None
	// LogitScale is the factor of the cosine in the model of its features.
	LogitScale float64
	// Prototypes are the text prototypes [K, D] of the classes it is for, in
	// their order. A file that has some of its own is held against them.
	Prototypes Matrix
	Classes    []string // names of the classes, for messages; may be nil
}

// ForeignKind is what a checkpoint tells of itself.
type ForeignKind struct {
	Method Method // nil where the file does not tell a classifier from a residual
	// Compat is CLIPCalib for files that keep their text prototypes, since the
	// code that wrote them carries those to every target.
	Compat Compat
}

// InspectForeign tells the method of a checkpoint that CLIPCalib, CLAP, TaskRes,
// CLIP-Adapter or Tip-Adapter wrote.
func InspectForeign(path string) (ForeignKind, error) {
	a, err := weights.ReadAdapter(path)
	if err != nil {
		return ForeignKind{}, err
	}
	k := ForeignKind{Compat: Textbook}
	if a.Base.Rows > 0 {
		k.Compat = CLIPCalib
	}
	switch {
	case a.Keys.Rows > 0:
		k.Method = TipAdapterF{RawKeys: a.Bare}
	case a.Down.Rows > 0:
		k.Method, err = bottleneck(a)
	case a.Residual:
		k.Method = TaskRes{}
	}
	if err != nil {
		return k, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// bottleneck is the CLIP-Adapter whose hidden layer has the width of the file's.
func bottleneck(a *weights.Adapter) (Method, error) {
	hidden, width := a.Down.Rows, a.Down.Cols
	m := CLIPAdapter{Reduction: width / hidden}
	if m.Reduction < 1 || width/m.Reduction != hidden {
		return nil, fmt.Errorf("a bottleneck of %d for features %d wide: want a whole fraction", hidden, width)
	}
	if m.Reduction == (CLIPAdapter{}).reduction() {
		m.Reduction = 0
	}
	return m, nil
}

// LoadForeign reads a checkpoint that CLIPCalib, CLAP, TaskRes, CLIP-Adapter or
// Tip-Adapter wrote, in the precision it has. The labels of Tip-Adapter's
// keys_*shots.pt and best_F_*shots.pt are in values_*shots.pt beside them. The
// notes say what the user should know. A file whose classes, widths or order of
// classes are not those of o is an error.
func LoadForeign(path string, o Foreign) (a *Adapter, notes []string, err error) {
	f, err := weights.ReadAdapter(path)
	if err == nil {
		a, notes, err = o.adapter(f, path)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("load adapter: %w", err)
	}
	return a, notes, nil
}

func (o Foreign) adapter(f *weights.Adapter, path string) (*Adapter, []string, error) {
	kind, err := InspectForeign(path)
	if err != nil {
		return nil, nil, err
	}
	out := &Adapter{Method: o.Method, Remedy: o.Remedy, Compat: kind.Compat, LogitScale: o.LogitScale}
	if out.Method == nil {
		out.Method = kind.Method
	}
	if out.Remedy == nil {
		out.Remedy = None{}
	}
	if out.Method == nil {
		return nil, nil, fmt.Errorf("%s keeps a classifier or a residual under one name, %q: say which method trained it, "+
			"taskres, zslp or clap", path, "prototypes")
	}
	if !(o.LogitScale > 0) {
		return nil, nil, fmt.Errorf("%s: the logit scale is %g: give that of the model", path, o.LogitScale)
	}
	s, of, err := foreignState(f, out.Method, path)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	notes, err := o.settlePrototypes(f, &s)
	if err == nil {
		out.state = &s
		err = out.fits(of)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return out, append(notes, fmt.Sprintf("%s: what the file does not say is taken as: %s; logit scale %g",
		filepath.Base(path), strings.Join(out.Method.Choices(), "; "), o.LogitScale)), nil
}

// foreignState puts the file's matrices into the places of a method. The labels
// of a cache are of so many classes, 0 where there are none.
func foreignState(f *weights.Adapter, m Method, path string) (s State, classes int, err error) {
	s = NewState()
	switch m.(type) {
	case TaskRes:
		if err := checkResidual(f); err != nil {
			return s, 0, err
		}
		s.Trained[nameResidual] = ofFile(f.Prototypes)
	case ZSLP, CLAP:
		if f.Prototypes.Rows == 0 || f.Residual || f.Keys.Rows > 0 || f.Down.Rows > 0 {
			return s, 0, notOf(m)
		}
		s.Trained[nameClassifier] = ofFile(f.Prototypes)
		if _, ok := m.(CLAP); ok { // weighs the distance in training alone
			s.Fixed[nameConstraint] = NewMatrix(1, f.Prototypes.Rows)
		}
	case CLIPAdapter:
		if f.Down.Rows == 0 {
			return s, 0, notOf(m)
		}
		s.Trained[nameW1], s.Trained[nameW2] = ofFile(f.Down), ofFile(f.Up)
	case TipAdapter, TipAdapterF:
		if f.Keys.Rows == 0 {
			return s, 0, notOf(m)
		}
		c, err := foreignCache(f, path)
		if err != nil {
			return s, 0, err
		}
		s.Labels, classes = c.labels, c.classes
		if _, trained := m.(TipAdapterF); trained {
			s.Trained[nameKeys] = c.keys
		} else {
			s.Fixed[nameKeys] = c.keys
		}
	default:
		return s, 0, notOf(m)
	}
	return s, classes, nil
}

func notOf(m Method) error { return fmt.Errorf("the file holds no adapter of method %s", m.Name()) }

// checkResidual refuses a classifier that is taken for a residual: one that has
// the direction of the text prototypes it started from.
func checkResidual(f *weights.Adapter) error {
	switch {
	case f.Prototypes.Rows == 0 || f.Base.Rows == 0 || f.Keys.Rows > 0 || f.Down.Rows > 0:
		return notOf(TaskRes{})
	case f.Residual:
		return nil
	}
	x, base := ofFile(f.Prototypes).unit(), ofFile(f.Base).unit()
	mean := 0.0
	for k := range x.Rows {
		mean += dot(x.Row(k), base.Row(k)) / float64(x.Rows)
	}
	if mean > 0.5 {
		return fmt.Errorf("its prototypes have the direction of its text features (mean cosine %.3f): that is a classifier, "+
			"of zslp or clap, and no residual of taskres", mean)
	}
	return nil
}

// ofFile is a matrix of a file as ours.
func ofFile(m weights.Matrix) Matrix { return Matrix{Rows: m.Rows, Cols: m.Cols, Data: m.Data} }

func dot(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}

// ForeignInit reads the initial values of a method's matrices from a checkpoint
// that [LoadForeign] reads. Keys of a cache start a training on the same samples
// alone: their labels must be those of the data.
func ForeignInit(path string, m Method, d Data) (map[string]Matrix, error) {
	f, err := weights.ReadAdapter(path)
	if err != nil {
		return nil, err
	}
	s, _, err := foreignState(f, m, path)
	if err == nil {
		err = startsCache(m, s, d, f.Bare)
	}
	if err == nil && len(s.Trained) == 0 {
		err = fmt.Errorf("%s trains nothing that could start from it", m.Name())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s.Trained, nil
}
