package adapt

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"clipcalib/weights"
)

// cache is what a Tip-Adapter classifies by: keys [N, D], the class of each, and
// the number of classes that the labels are of.
type cache struct {
	keys    Matrix
	labels  []int
	classes int
}

// foreignCache reads the cache of a Tip-Adapter.
func foreignCache(f *weights.Adapter, path string) (c cache, err error) {
	keys, values := ofFile(f.Keys), f.Values
	if f.Bare {
		beside, err := ValuesBeside(path)
		if err != nil {
			return c, err
		}
		found, err := weights.Matrices(beside)
		if err != nil {
			return c, err
		}
		if len(found) != 1 {
			return c, fmt.Errorf("%s holds %d tensors, want the one-hot labels of the keys alone", beside, len(found))
		}
		values = found[0]
		if keys, err = upright(keys, values, path); err != nil {
			return c, fmt.Errorf("%w (labels from %s)", err, beside)
		}
	}
	if values.Rows == 0 {
		return c, errors.New("keys of a cache without cache_values, their labels")
	}
	labels, err := oneHot(values)
	return cache{keys, labels, values.Cols}, err
}

// startsCache sees that keys which a training starts from are of its samples,
// and used as they are where they are not of unit length.
func startsCache(m Method, s State, d Data, raw bool) error {
	keys, ok := s.Trained[nameKeys]
	if !ok {
		return nil
	}
	labels := cacheLabels(d)
	if len(labels) != len(s.Labels) {
		return fmt.Errorf("keys of %d samples, and the training set has %d", len(s.Labels), len(labels))
	}
	for i, y := range s.Labels {
		if y != labels[i] {
			return fmt.Errorf("key %d is of class %d, sample %d of the training set of class %d: the keys are of other "+
				"samples or in another order", i, y, i, labels[i])
		}
	}
	tip, _ := m.(TipAdapterF)
	unit := keys.unit()
	for i := range keys.Rows {
		if length := dot(keys.Row(i), unit.Row(i)); !tip.RawKeys && raw && (length < 0.99 || length > 1.01) {
			return fmt.Errorf("key %d has length %.3g and was used as it is: set raw-keys=true", i, length)
		}
	}
	return nil
}

// ValuesBeside is the file of the labels of Tip-Adapter's keys_*shots.pt or
// best_F_*shots.pt, named as that code names it.
func ValuesBeside(path string) (string, error) {
	dir, name := filepath.Split(path)
	for _, prefix := range []string{"keys_", "best_F_"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return filepath.Join(dir, "values_"+rest), nil
		}
	}
	return "", fmt.Errorf("its only tensor may be Tip-Adapter's keys, but their labels are looked for beside keys_*.pt "+
		"and best_F_*.pt, as values_*.pt: name it so: %w", fs.ErrNotExist)
}

// upright returns keys as [N, D]. Tip-Adapter keeps those that it does not train
// the other way round.
func upright(keys Matrix, values weights.Matrix, path string) (Matrix, error) {
	n := values.Rows
	across := strings.HasPrefix(filepath.Base(path), "keys_")
	switch {
	case keys.Rows == n && (keys.Cols != n || !across):
		return keys, nil
	case keys.Cols == n:
		out := NewMatrix(keys.Cols, keys.Rows)
		for i := range keys.Rows {
			for j, v := range keys.Row(i) {
				out.Data[j*out.Cols+i] = v
			}
		}
		return out, nil
	}
	return keys, fmt.Errorf("keys of shape [%d, %d] for %d labels", keys.Rows, keys.Cols, n)
}

// oneHot reads labels from rows that are one at the label and zero elsewhere.
func oneHot(m weights.Matrix) ([]int, error) {
	labels := make([]int, m.Rows)
	for i := range labels {
		row := m.Data[i*m.Cols : (i+1)*m.Cols]
		labels[i] = -1
		for k, v := range row {
			switch {
			case v == 0:
			case v == 1 && labels[i] < 0:
				labels[i] = k
			default:
				return nil, fmt.Errorf("row %d of the cache's labels is not one-hot: only such are read", i)
			}
		}
		if labels[i] < 0 {
			return nil, fmt.Errorf("row %d of the cache's labels names no class", i)
		}
	}
	return labels, nil
}
