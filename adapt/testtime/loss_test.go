package testtime

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/calib"
)

func hashedMatrix(seed uint64, n, k int, scale float64) calib.Matrix {
	m := calib.NewMatrix(n, k)
	for i, v := range hashed(seed, n*k) {
		m.Data[i] = scale * v
	}
	return m
}

// checkGradient compares a gradient with central differences of f at x.
func checkGradient(t *testing.T, x, grad calib.Matrix, f func() float64) {
	t.Helper()
	const h = 1e-6
	for i := range x.Data {
		at := x.Data[i]
		x.Data[i] = at + h
		up := f()
		x.Data[i] = at - h
		down := f()
		x.Data[i] = at
		want := (up - down) / (2 * h)
		if math.Abs(grad.Data[i]-want) > 1e-6*(1+math.Abs(want)) {
			t.Errorf("entry %d: gradient %g, differences give %g", i, grad.Data[i], want)
		}
	}
}

func TestLossGradientsAreThoseOfDifferences(t *testing.T) {
	for _, compat := range []adapt.Compat{adapt.Textbook, adapt.CLIPCalib} {
		for _, r := range append(adapt.PaperRemedies(), combined(t)) {
			t.Run(fmt.Sprintf("%s %s", r.Name(), compat), func(t *testing.T) {
				rem := newRemedied(TPT{}, r, compat, nil)
				l, zs := hashedMatrix(1, 4, 5, 3), hashed(2, 5)
				value := func() float64 {
					v, _, err := rem.loss(t.Context(), l, zs)
					if err != nil {
						t.Fatal(err)
					}
					return v
				}
				_, grad, err := rem.loss(t.Context(), l, zs)
				if err != nil {
					t.Fatal(err)
				}
				checkGradient(t, l, grad, value)
			})
		}
	}
}

func TestTermGradientsAreThoseOfDifferences(t *testing.T) {
	for _, m := range allMethods {
		x := hashedMatrix(3, 6, 4, 1)
		_, grad := m.term(x)
		if len(grad.Data) == 0 {
			continue
		}
		t.Run(m.Name(), func(t *testing.T) {
			checkGradient(t, x, grad, func() float64 { v, _ := m.term(x); return v })
		})
	}
}

func TestTermsOfOneClassAreHarmless(t *testing.T) {
	for _, m := range allMethods {
		v, grad := m.term(calib.Matrix{N: 1, K: 3, Data: []float64{0.6, 0, 0.8}})
		if math.IsNaN(v) {
			t.Errorf("%s: the term of one class is %v", m.Name(), v)
		}
		for _, g := range grad.Data {
			if g != 0 {
				t.Errorf("%s: the gradient of one class is %v", m.Name(), grad.Data)
				break
			}
		}
	}
}

func TestReleasedReferenceViewIsLeftAlone(t *testing.T) {
	// Under ZS-Norm as released the reference view is mapped to itself, and
	// under Penalty it is never outside its own range.
	l := hashedMatrix(5, 3, 6, 4)
	zs := calib.NewMatrix(3, 6)
	for v := range 3 {
		copy(zs.Row(v), l.Row(0))
	}
	m, err := calib.ZSNorm(l, zs)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range l.Row(0) {
		if math.Abs(m.Row(0)[k]-v) > 1e-12 {
			t.Errorf("class %d of the reference is mapped from %g to %g", k, v, m.Row(0)[k])
		}
	}
	_, d, err := calib.Penalty(l, zs, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range d.Row(0) {
		if g != 0 {
			t.Errorf("the reference is penalised: %v", d.Row(0))
			break
		}
	}
}

func TestMarginalEntropyHoldsForExtremeLogits(t *testing.T) {
	l := calib.NewMatrix(2, 3)
	copy(l.Data, []float64{1e5, -1e5, 0, 1e5, 0, -1e5})
	h, grad := marginalEntropy(l)
	if h != 0 {
		t.Errorf("entropy of certain views is %g, want 0", h)
	}
	for _, g := range grad.Data {
		if g != 0 {
			t.Errorf("gradient %v, want 0", grad.Data)
			break
		}
	}
	if h, _ := marginalEntropy(calib.NewMatrix(3, 4)); math.Abs(h-math.Log(4)) > 1e-14 {
		t.Errorf("entropy of undecided views is %g, want log 4", h)
	}
}

func TestMostConfidentViewsComeFirst(t *testing.T) {
	l := calib.NewMatrix(4, 2)
	copy(l.Data, []float64{0, 1, 0, 9, 0, 1, 0, 3})
	got := mostConfident(l, 3)
	if want := []int{1, 3, 0}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("views %v, want %v (of equals the first)", got, want)
	}
	o, err := Options{}.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]int{64: 6, 10: 1, 1: 1, 20: 2} {
		if o.kept(n) != want {
			t.Errorf("%d of %d views are kept, want %d", o.kept(n), n, want)
		}
	}
}

func TestFirstStepIsAdamWs(t *testing.T) {
	o, err := Options{}.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	got := o.firstAdamW([]float32{1, 1, -2, 1}, []float32{3, -1e-3, 0, 1e-8})
	want := []float64{1 - 5e-5 - 5e-3, 1 - 5e-5 + 5e-3*1e-3/(1e-3+1e-8), -2 * (1 - 5e-5), 1 - 5e-5 - 2.5e-3}
	for i, w := range want {
		if math.Abs(float64(got[i])-w) > 1e-7 {
			t.Errorf("parameter %d is %g, want %g", i, got[i], w)
		}
	}
}

func TestDifferencesAreNamedInTheChoices(t *testing.T) {
	for _, c := range []struct {
		method Method
		compat adapt.Compat
		want   string
	}{
		{TPT{}, adapt.Textbook, "plain image (the formula)"},
		{TPT{}, adapt.CLIPCalib, "lowest entropy, extremes not detached (as released)"},
		{CTPT{}, adapt.CLIPCalib, "without effect under c-tpt (as released)"},
	} {
		r := newRemedied(c.method, adapt.ZSNorm{}, c.compat, nil)
		if got := strings.Join(r.choices(), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%s, %s: choices %q do not say %q", c.method.Name(), c.compat, got, c.want)
		}
	}
	if len(Differences()) != 2 {
		t.Errorf("%d differences", len(Differences()))
	}
}
