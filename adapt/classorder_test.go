package adapt

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Text features in another order are told, with noise of other prompts too; other
// prompts, as they move classes all alike or each a little, are not.
func TestAnotherOrderOfClassesIsTold(t *testing.T) {
	const k, d = 8, 64
	r := rand.New(rand.NewPCG(3, 4))
	normal := func(m Matrix, by float32) Matrix {
		m = m.Clone()
		for i := range m.Data {
			m.Data[i] += by * float32(r.NormFloat64())
		}
		return m
	}
	own := normal(NewMatrix(k, d), 1)
	for i := range own.Data { // what all texts have in common
		own.Data[i] += 2 * float32(i%d%3)
	}
	near := own.Clone()
	copy(near.Row(7), normal(FromRows([][]float32{own.Row(6)}), 0.02).Data)
	shifted := own.Clone()
	offset := normal(NewMatrix(1, d), 1)
	for i := range shifted.Data {
		shifted.Data[i] += offset.Data[i%d]
	}
	order := func(m Matrix, rows ...int) Matrix {
		out := m.Clone()
		for i, j := range rows {
			copy(out.Row(i), m.Row(j))
		}
		return out
	}
	for name, c := range map[string]struct {
		own, theirs Matrix
		certain     bool
	}{
		"the same":                       {own, own, false},
		"two exchanged":                  {own, order(own, 0, 1, 2, 4, 3, 5, 6, 7), true},
		"two exchanged, other prompts":   {own, normal(order(own, 1, 0, 2, 3, 4, 5, 6, 7), 0.3), true},
		"three in a circle":              {own, normal(order(own, 1, 2, 0, 3, 4, 5, 6, 7), 0.3), true},
		"all turned round":               {own, order(own, 7, 6, 5, 4, 3, 2, 1, 0), true},
		"other prompts":                  {own, normal(own, 0.3), false},
		"other prompts, all moved alike": {own, shifted, false},
		"synonyms, other prompts":        {near, normal(near, 0.3), false},
		"one name twice":                 {order(own, 0, 0), order(own, 0, 0), false},
	} {
		m := matchClasses(c.own, c.theirs)
		if m.certain() != c.certain {
			t.Errorf("%s: %v: wrong %v, nearest %v, %d the same", name, m.certain(), m.wrong, m.nearest, m.same)
		}
	}
	m := matchClasses(own, order(own, 1, 2, 0))
	if !slices.Equal(m.wrong, []int{0, 1, 2}) || !slices.Equal(m.nearest[:3], []int{1, 2, 0}) || m.same != 5 {
		t.Errorf("%+v", m)
	}
}
