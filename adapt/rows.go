package adapt

// FromRows returns a matrix with the given rows, such as an encoder's
// features. Rows of unequal length leave a matrix that every use refuses.
func FromRows(rows [][]float32) Matrix {
	if len(rows) == 0 {
		return Matrix{}
	}
	m := Matrix{Rows: len(rows), Cols: len(rows[0])}
	for _, r := range rows {
		m.Data = append(m.Data, r...)
	}
	return m
}
