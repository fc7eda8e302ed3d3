package weights

import (
	"fmt"
	"slices"
)

// Matrix is a table of numbers read from a file of PyTorch or safetensors.
type Matrix struct {
	Name       string // its key in the file, "tensor" for a file that is one tensor
	Rows, Cols int
	Data       []float32 // row by row; a vector is one column
}

// Matrices reads every matrix and vector of a file, such as the logits.pt of
// the reference, a tensor or a dict of tensors that torch.save wrote, in the
// order of their names. Integers and doubles are rounded to float32; other
// tensors are an error, and so is a number that is not finite.
func Matrices(path string) ([]Matrix, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []Matrix
	for _, name := range f.Names() {
		m, err := f.matrix(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// matrix reads one tensor of one or two dimensions.
func (f *File) matrix(name string) (Matrix, error) {
	t, ok := f.tensors[name]
	if !ok {
		return Matrix{}, fmt.Errorf("%s is missing", name)
	}
	m := Matrix{Name: name, Cols: 1}
	switch len(t.Shape) {
	case 2:
		m.Rows, m.Cols = t.Shape[0], t.Shape[1]
	case 1:
		m.Rows = t.Shape[0]
	default:
		return m, fmt.Errorf("%s has shape %s, want a matrix", t.Name, shapeString(t.Shape))
	}
	var err error
	m.Data = make([]float32, t.Len())
	if err = t.readFinite(m.Data); err != nil {
		return m, fmt.Errorf("%s: %w", t.Name, err)
	}
	return m, nil
}

// Adapter is what the public implementations of adapters on features keep in
// their checkpoints: CLIPCalib's and CLAP's model.pth.tar-N, TaskRes's,
// CLIP-Adapter's, and Tip-Adapter's best_F_*shots.pt. Fields that a file does
// not have are zero matrices.
type Adapter struct {
	Prototypes Matrix // [K, D]: the trained classifier, or TaskRes's residual; see Residual
	Residual   bool   // Prototypes are what is added to Base, not a classifier of their own
	Base       Matrix // [K, D]: the zero-shot prototypes
	Keys       Matrix // [N, D]: Tip-Adapter's cache
	Bare       bool   // Keys are a file's only tensor; Tip-Adapter's keys_*shots.pt has them as [D, N]
	Values     Matrix // [N, K]: its labels, one-hot
	Down, Up   Matrix // [D/4, D] and [D, D/4]: CLIP-Adapter's two layers

	// Ambiguous says that CLIPCalib's and CLAP's checkpoints keep a residual
	// under the same name as a classifier: whoever reads them must know the
	// method, and sets Residual.
	Ambiguous bool
}

// ReadAdapter reads a checkpoint of another implementation's adapter. A file
// that is none is an error that lists what is in it.
func ReadAdapter(path string) (*Adapter, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a := &Adapter{}
	for _, part := range []struct {
		dst   *Matrix
		names []string
	}{
		{&a.Prototypes, []string{"prototypes", "text_feature_residuals"}},
		{&a.Base, []string{"base_text_features"}},
		{&a.Keys, []string{"cache_keys", bareTensor}},
		{&a.Values, []string{"cache_values"}},
		{&a.Down, []string{"mlp.0.weight", "fc.0.weight"}},
		{&a.Up, []string{"mlp.2.weight", "fc.2.weight"}},
	} {
		name := f.adapterName(part.names)
		if name == "" {
			continue
		}
		if *part.dst, err = f.matrix(name); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		a.Bare = a.Bare || name == bareTensor
	}
	a.Residual = f.adapterName([]string{"text_feature_residuals"}) != ""
	a.Ambiguous = !a.Residual && a.Prototypes.Rows > 0 && a.Base.Rows > 0 && a.Keys.Rows == 0 && a.Down.Rows == 0
	if err := a.check(); err != nil {
		return nil, fmt.Errorf("%s: %w%s", path, err, hint(f))
	}
	return a, nil
}

// bareTensor is the name of a file's only tensor.
const bareTensor = "tensor"

// IsAdapter reports whether the file names a tensor as only the public
// implementations of adapters do, so that [ReadAdapter] is the one to read it.
func (f *File) IsAdapter() bool {
	return f.adapterName([]string{"prototypes", "text_feature_residuals", "base_text_features", "cache_values",
		"mlp.0.weight", "fc.0.weight", bareTensor}) != ""
}

// adapterName finds a tensor under one of its names, behind the prefixes that
// the implementations put before them.
func (f *File) adapterName(names []string) string {
	for _, name := range names {
		for _, prefix := range []string{"", "adapter.", "prompt_learner."} {
			if _, ok := f.tensors[prefix+name]; ok {
				return prefix + name
			}
		}
	}
	return ""
}

// check makes sure that the parts are there and fit each other.
func (a *Adapter) check() error {
	var widths []int
	for _, m := range []Matrix{a.Prototypes, a.Base, a.Keys, a.Down} {
		if m.Rows > 0 {
			widths = append(widths, m.Cols)
		}
	}
	same := func(m, o Matrix) bool { return m.Rows == 0 || o.Rows == 0 || m.Rows == o.Rows }
	switch {
	case len(widths) == 0 || a.Prototypes.Rows == 0 && a.Keys.Rows == 0 && a.Down.Rows == 0:
		return fmt.Errorf("no adapter of CLIPCalib, CLAP, TaskRes, CLIP-Adapter or Tip-Adapter")
	case slices.Min(widths) != slices.Max(widths) || slices.Min(widths) == 1:
		return fmt.Errorf("the parts of the adapter have widths %v: want one", widths)
	case !same(a.Prototypes, a.Base):
		return fmt.Errorf("%d prototypes and %d text features: want one of each for every class", a.Prototypes.Rows,
			a.Base.Rows)
	case a.Residual && a.Base.Rows == 0:
		return fmt.Errorf("a residual without the text features it is added to")
	case !same(a.Keys, a.Values):
		return fmt.Errorf("%d keys and %d values of the cache: want as many", a.Keys.Rows, a.Values.Rows)
	case (a.Down.Rows > 0) != (a.Up.Rows > 0) || a.Down.Rows > 0 && (a.Up.Rows != a.Down.Cols ||
		a.Up.Cols != a.Down.Rows):
		return fmt.Errorf("layers of %d x %d and %d x %d do not follow each other", a.Down.Rows, a.Down.Cols,
			a.Up.Rows, a.Up.Cols)
	}
	return nil
}
