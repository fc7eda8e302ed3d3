package run

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"clipcalib/adapt"
	"clipcalib/weights"
)

// The tensors of a feature file.
const (
	tensorFeatures   = "features"
	tensorLabels     = "labels"
	tensorPrototypes = "text_features"
	keyViews         = "views" // of its metadata
)

// Features is the content of feature files: image features [Views*N, D] with
// labels, and text features [K, D].
type Features struct {
	Data   adapt.Data
	SHA256 []string // of the files, in the order given
}

// ReadFeatures reads features, labels and text_features from one or several
// safetensors or PyTorch files. Each tensor must be in exactly one of them;
// which of them must be there is up to the caller.
func ReadFeatures(paths ...string) (Features, error) {
	var f Features
	if len(paths) == 0 {
		return f, errors.New("no feature file given")
	}
	from := map[string]string{}
	for _, path := range paths {
		if err := f.read(path, from); err != nil {
			return f, err
		}
	}
	if f.Data.Views == 0 {
		f.Data.Views = 1
	}
	return f, nil
}

func (f *Features) read(path string, from map[string]string) error {
	file, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	sum, err := file.SHA256()
	if err != nil {
		return err
	}
	f.SHA256 = append(f.SHA256, sum)
	found := false
	for _, name := range []string{tensorFeatures, tensorLabels, tensorPrototypes} {
		t, ok := file.Lookup(name)
		if !ok {
			continue
		}
		found = true
		if other, twice := from[name]; twice {
			return fmt.Errorf("%s is in both %s and %s", name, other, path)
		}
		from[name] = path
		if err := f.take(t); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if !found {
		return fmt.Errorf("%s holds none of %s, %s and %s; it has %s", path, tensorFeatures, tensorLabels,
			tensorPrototypes, some(file.Names()))
	}
	if v, ok := file.Metadata()[keyViews]; ok {
		if f.Data.Views, err = strconv.Atoi(v); err != nil || f.Data.Views < 1 {
			return fmt.Errorf("%s: %s %q is not a count", path, keyViews, v)
		}
	}
	return nil
}

func (f *Features) take(t *weights.Tensor) error {
	if t.Name == tensorLabels {
		if len(t.Shape) != 1 {
			return fmt.Errorf("%s has shape %v, want [N]", t.Name, t.Shape)
		}
		wide, err := t.Int64()
		if err != nil {
			return err
		}
		f.Data.Labels = make([]int, len(wide))
		for i, y := range wide {
			f.Data.Labels[i] = int(y)
		}
		return nil
	}
	if len(t.Shape) != 2 {
		return fmt.Errorf("%s has shape %v, want a matrix", t.Name, t.Shape)
	}
	values, err := t.Float32()
	if err != nil {
		return err
	}
	m := adapt.Matrix{Rows: t.Shape[0], Cols: t.Shape[1], Data: values}
	if t.Name == tensorFeatures {
		f.Data.Features = m
	} else {
		f.Data.Prototypes = m
	}
	return nil
}

// readInit reads initial values of a method's matrices: of an adapter of ours or a
// file of such names, every matrix but those that no method trains; of another
// implementation's checkpoint, what it holds of the method.
func readInit(path string, m adapt.Method, d adapt.Data) (map[string]adapt.Matrix, string, error) {
	file, err := weights.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	sum, err := file.SHA256()
	if err != nil {
		return nil, "", err
	}
	if !adapt.IsSaved(file) && file.IsAdapter() {
		init, err := adapt.ForeignInit(path, m, d)
		return init, sum, err
	}
	init := map[string]adapt.Matrix{}
	for _, name := range file.Names() {
		t, _ := file.Lookup(name)
		if name == tensorPrototypes || name == "constraint" || len(t.Shape) != 2 || !t.DType.Float() {
			continue
		}
		values, err := t.Float32()
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", path, err)
		}
		init[name] = adapt.Matrix{Rows: t.Shape[0], Cols: t.Shape[1], Data: values}
	}
	if len(init) == 0 {
		return nil, "", fmt.Errorf("%s holds no initial values; it has %s", path, some(file.Names()))
	}
	return init, sum, nil
}

// WriteFeatures writes a feature file that [ReadFeatures] and Python read.
func WriteFeatures(path string, d adapt.Data) error {
	var tensors []weights.NamedTensor
	add := func(name string, m adapt.Matrix) {
		if m.Rows > 0 {
			tensors = append(tensors, weights.NamedTensor{Name: name, Shape: []int{m.Rows, m.Cols}, Data: m.Data})
		}
	}
	add(tensorFeatures, d.Features)
	add(tensorPrototypes, d.Prototypes)
	if len(d.Labels) > 0 {
		wide := make([]int64, len(d.Labels))
		for i, y := range d.Labels {
			wide[i] = int64(y)
		}
		tensors = append(tensors, weights.NamedTensor{Name: tensorLabels, Shape: []int{len(wide)}, DType: weights.I64,
			Ints: wide})
	}
	var meta map[string]string
	if d.Views > 1 {
		meta = map[string]string{keyViews: strconv.Itoa(d.Views)}
	}
	return weights.WriteSafetensors(path, tensors, meta)
}

// inFiles names the feature files in an error about what they hold.
func inFiles(files []string, err error) error {
	if err == nil || len(files) == 0 {
		return err
	}
	return fmt.Errorf("%s: %w", strings.Join(files, ", "), err)
}

func some(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
