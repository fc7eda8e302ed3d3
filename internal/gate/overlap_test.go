package gate

import (
	"math"
	"math/rand/v2"
	"testing"

	"clipcalib/calib"
)

// written are roundings that logits go through on their way to a file.
var written = map[string]func(v float64) float64{
	"float32":          func(v float64) float64 { return float64(float32(v)) },
	"a constant added": func(v float64) float64 { return v + 0.5 },
	"sums anew":        func(v float64) float64 { return v + 2e-5 },
	"two decimals":     func(v float64) float64 { return math.Round(100*v) / 100 },
	"four decimals":    func(v float64) float64 { return float64(float32(math.Round(1e4*v) / 1e4)) },
	"four digits": func(v float64) float64 {
		p := math.Pow10(3 - int(math.Floor(math.Log10(math.Abs(v)))))
		return math.Round(v*p) / p
	},
	"float16":  func(v float64) float64 { return inBits(v, 11) },
	"bfloat16": func(v float64) float64 { return inBits(v, 8) },
}

func inBits(v float64, bits int) float64 {
	fraction, exponent := math.Frexp(v)
	p := math.Ldexp(1, bits)
	return math.Ldexp(math.Round(fraction*p)/p, exponent)
}

// drawn are logits as CLIP gives them.
func drawn(r *rand.Rand, n, k int) calib.Matrix {
	m := calib.NewMatrix(n, k)
	for i := range n {
		common := 2 * r.NormFloat64()
		for c := range k {
			m.Row(i)[c] = 20 + common + 2*r.NormFloat64()
		}
	}
	return m
}

func mapped(m calib.Matrix, f func(float64) float64) calib.Matrix {
	out := calib.NewMatrix(m.N, m.K)
	for i, v := range m.Data {
		out.Data[i] = f(v)
	}
	return out
}

// stacked puts rows below each other.
func stacked(t *testing.T, parts ...calib.Matrix) calib.Matrix {
	t.Helper()
	var all [][]float64
	for _, m := range parts {
		for i := range m.N {
			all = append(all, m.Row(i))
		}
	}
	return rows(t, all...)
}

func sharedRows(t *testing.T, a, b calib.Matrix) int {
	t.Helper()
	n, err := Shared(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Copies are told however coarsely they were written down, in a small fold and in one
// that is a few among many, twice in a file or not.
func TestCopiesAreToldThroughRounding(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for name, write := range written {
		for _, c := range []struct{ n, m, k, of int }{{100, 100, 5, 100}, {200, 1000, 10, 200}, {400, 3000, 100, 40},
			{60, 40, 1000, 40}} {
			fold, rest := drawn(r, c.n, c.k), drawn(r, c.m, c.k)
			copies := mapped(calib.Matrix{N: c.of, K: c.k, Data: fold.Data[:c.of*c.k]}, write)
			for _, measured := range []calib.Matrix{stacked(t, rest, copies), stacked(t, copies, rest, copies)} {
				if n := sharedRows(t, fold, mapped(measured, write)); n != c.of {
					t.Errorf("%s: %d of %d rows among %d of %d classes: %d", name, c.of, c.n, c.m, c.k, n)
				}
			}
		}
	}
}

// Log-probabilities are logits less a constant of each row.
func TestCopiesAreToldAsLogProbabilities(t *testing.T) {
	fold := drawn(rand.New(rand.NewPCG(5, 9)), 100, 10)
	other := calib.NewMatrix(fold.N, fold.K)
	p, err := calib.Softmax(fold)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range p.Data {
		other.Data[i] = math.Log(v)
	}
	if n := sharedRows(t, fold, other); n != fold.N {
		t.Errorf("%d of %d rows", n, fold.N)
	}
}

// Samples that are no copies are taken for none, where coarse numbers or two classes
// leave many rows alike, too.
func TestNoCopiesAreTakenForSome(t *testing.T) {
	const trials = 30
	r := rand.New(rand.NewPCG(2, 9))
	alarms, checked := 0, 0
	check := func(name string, a, b calib.Matrix, exact bool) {
		t.Helper()
		checked++
		n, err := equalRows(a, b) // which coarse files have of many by chance
		if err != nil {
			t.Fatal(err)
		}
		if got := sharedRows(t, a, b); got > n || !exact && got > 0 {
			alarms++
			t.Errorf("%s: %d of %d rows", name, got, a.N)
		}
	}
	opposed := func(n int) calib.Matrix { // of one number a sample
		m := calib.NewMatrix(n, 2)
		for i := range n {
			m.Row(i)[0] = 3 * r.NormFloat64()
			m.Row(i)[1] = -m.Row(i)[0]
		}
		return m
	}
	for range trials {
		n, m := 20+r.IntN(800), 20+r.IntN(800)
		check("two opposed classes", opposed(n), opposed(m), true)
		for name, write := range written {
			for _, k := range []int{2, 3, 10} {
				check(name, mapped(drawn(r, n, k), write), drawn(r, m, k), k < 4)
				check(name, mapped(drawn(r, n, k), write), mapped(drawn(r, m, k), write), k < 4)
			}
		}
	}
	t.Logf("%d pairs, %d alarms", checked, alarms)
}

func TestASketchIsKept(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	a, b := drawn(r, 100, 40), drawn(r, 300, 40)
	fold, err := SketchOf(mapped(a, written["float16"]))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := OpenSketch(fold.Saved())
	if err != nil {
		t.Fatal(err)
	}
	for want, measured := range map[int]calib.Matrix{0: b, 100: stacked(t, b, a)} {
		s, err := SketchOf(measured)
		if err != nil {
			t.Fatal(err)
		}
		if got := kept.Shared(s); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
	for name, spoil := range map[string]func(f *calib.FoldRows){
		"width":  func(f *calib.FoldRows) { f.Width = 0 },
		"short":  func(f *calib.FoldRows) { f.Values = f.Values[1:] },
		"NaN":    func(f *calib.FoldRows) { f.Values[2], f.Values[3] = 0xc0, 0x7f },
		"slack":  func(f *calib.FoldRows) { f.SlackAbs = -1 },
		"absent": func(f *calib.FoldRows) { *f = calib.FoldRows{} },
	} {
		f := fold.Saved()
		spoil(f)
		if _, err := OpenSketch(f); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestRepeatsAreCounted(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 9))
	a := drawn(r, 50, 4)
	b := calib.Matrix{N: 10, K: 4, Data: a.Data[4*20 : 4*30]}
	labels := make([]int, 60)
	labels[53] = 1
	got, err := RepeatsIn(stacked(t, a, b), labels)
	if want := (Repeats{N: 10, Of: 60, Unlike: 1, First: 50}); err != nil || got != want || !got.Many() {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = RepeatsIn(mapped(stacked(t, a, b), written["bfloat16"]), nil)
	if err != nil || got.N < 10 || !got.Rounded || got.Many() {
		t.Errorf("rounded: %+v, %v", got, err)
	}
	if got, err = RepeatsIn(a, nil); err != nil || got.N != 0 || got.First != -1 {
		t.Errorf("%+v, %v", got, err)
	}
}
