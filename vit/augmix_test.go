package vit

import (
	"bufio"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// shrunken is a picture whose levels do not span the whole range.
func shrunken(w, h, seed int) *image.NRGBA {
	m := picture(w, h, seed)
	for i := range m.Pix {
		if i%4 < 3 {
			m.Pix[i] = m.Pix[i]/3 + []uint8{40, 0, 170}[i%4]
		}
	}
	return m
}

func TestAugMixEqualsPillow(t *testing.T) {
	f, err := os.Open("testdata/augmix_golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	operations, mixtures := 0, 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kind string
		if err := json.Unmarshal(lines.Bytes(), &[]any{&kind}); err != nil {
			t.Fatal(err)
		}
		if kind == "op" {
			checkOperation(t, lines.Bytes())
			operations++
		} else {
			checkMixture(t, lines.Bytes())
			mixtures++
		}
	}
	if operations < 70 || mixtures < 6 {
		t.Errorf("%d operations, %d mixtures", operations, mixtures)
	}
}

func checkOperation(t *testing.T, line []byte) {
	t.Helper()
	var kind, want string
	var w, h, seed int
	var s AugMixStep
	if err := json.Unmarshal(line, &[]any{&kind, &w, &h, &seed, &s.Op, &s.Level, &s.Negative, &want}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Apply(shrunken(w, h, seed))
	if err != nil {
		t.Fatal(err)
	}
	if hashRGB(got) != want {
		t.Errorf("%+v on %d x %d: differs from Pillow's", s, w, h)
	}
}

func checkMixture(t *testing.T, line []byte) {
	t.Helper()
	var kind, want string
	var size, seed int
	var a AugMix
	var chains [3][]json.RawMessage
	if err := json.Unmarshal(line, &[]any{&kind, &size, &seed, &a.Mix, &a.Weights, &chains, &want}); err != nil {
		t.Fatal(err)
	}
	for i, chain := range chains {
		for _, raw := range chain {
			var s AugMixStep
			if err := json.Unmarshal(raw, &[]any{&s.Op, &s.Level, &s.Negative}); err != nil {
				t.Fatal(err)
			}
			a.Chains[i] = append(a.Chains[i], s)
		}
	}
	p := NewPreprocessor(size)
	got := make([]float32, p.Len())
	if err := p.AugMix(got, shrunken(size, size, seed), a); err != nil {
		t.Fatal(err)
	}
	if hashFloats(got) != want {
		t.Errorf("mixture %d of size %d: differs from torch's", seed, size)
	}
}

func TestRandomAugMixIsInRange(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	lengths := map[int]int{}
	for range 2000 {
		a := RandomAugMix(r)
		sum := a.Weights[0] + a.Weights[1] + a.Weights[2]
		if math.Abs(float64(sum)-1) > 1e-6 || a.Mix < 0 || a.Mix >= 1 {
			t.Fatalf("weights %v, mix %v", a.Weights, a.Mix)
		}
		for _, chain := range a.Chains {
			lengths[len(chain)]++
			for _, s := range chain {
				if s.Op < 0 || s.Op >= augMixOps || s.Level < 0.1 || s.Level > 1 {
					t.Fatalf("step %+v", s)
				}
			}
		}
	}
	for n := 1; n <= 3; n++ {
		if lengths[n] < 1800 || lengths[n] > 2200 {
			t.Errorf("chains by length: %v", lengths)
		}
	}
}

func TestAugMixRefuses(t *testing.T) {
	if _, err := (AugMixStep{Op: augMixOps}).Apply(picture(3, 3, 0)); err == nil {
		t.Error("no error for an unknown operation")
	}
	if _, err := (AugMixStep{}).Apply(image.NewNRGBA(image.Rectangle{})); err == nil {
		t.Error("no error for a picture without pixels")
	}
	p := NewPreprocessor(8)
	if err := p.AugMix(make([]float32, p.Len()), picture(9, 9, 0), AugMix{}); err == nil {
		t.Error("no error for a picture of another size")
	}
}

func ExamplePreprocessor_AugMix() {
	p := NewPreprocessor(224)
	view := image.NewNRGBA(image.Rect(0, 0, 224, 224))
	dst := make([]float32, p.Len())
	if err := p.AugMix(dst, view, RandomAugMix(ViewRand(1, "cats/tom.jpg", 0))); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(dst))
	// Output: 150528
}
