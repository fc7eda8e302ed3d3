package npy

import "fmt"

// ReadMatrix reads a two-dimensional array of numbers as rows x columns
// float64 values, row after row.
func ReadMatrix(path string) (rows, columns int, values []float64, err error) {
	a, err := ReadFile(path)
	if err != nil {
		return 0, 0, nil, err
	}
	if len(a.Shape) != 2 {
		return 0, 0, nil, fmt.Errorf("%s: shape %v; a matrix [samples, classes] is wanted", path, a.Shape)
	}
	return a.Shape[0], a.Shape[1], a.Float64s(), nil
}

// ReadLabels reads a vector of integers, [N] or [N, 1].
func ReadLabels(path string) ([]int, error) {
	a, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(a.Shape) != 1 && !(len(a.Shape) == 2 && a.Shape[1] == 1) {
		return nil, fmt.Errorf("%s: shape %v; a vector of labels [samples] is wanted", path, a.Shape)
	}
	labels, err := a.Ints()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return labels, nil
}

// WriteLabels writes labels as int64 [N].
func WriteLabels(path string, labels []int) error {
	wide := make([]int64, len(labels))
	for i, y := range labels {
		wide[i] = int64(y)
	}
	return WriteFile(path, wide, len(wide))
}
