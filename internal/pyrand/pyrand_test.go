package pyrand

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
)

type golden struct {
	First []int `json:"first"`
	Cases []struct {
		Seed    int64     `json:"seed"`
		Raw     []uint32  `json:"raw"`
		Random  []float64 `json:"random"`
		Uniform []float64 `json:"uniform"`
		Bits    [][2]any  `json:"bits"`
		Below   [][2]int  `json:"below"`
		Shuffle []int     `json:"shuffle"`
		Choice  []int     `json:"choice"`
		Sample  [][3]any  `json:"sample"`
	} `json:"cases"`
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func TestEqualsPython(t *testing.T) {
	for _, c := range readGolden(t).Cases {
		t.Run(strconv.FormatInt(c.Seed, 10), func(t *testing.T) {
			r := New(c.Seed)
			for range 700 - len(c.Raw) {
				r.Uint32()
			}
			for i, want := range c.Raw {
				check(t, fmt.Sprint("raw ", i), r.Uint32(), want)
			}
			for i, want := range c.Random {
				check(t, fmt.Sprint("random ", i), r.Float64(), want)
			}
			for i, want := range c.Uniform {
				check(t, fmt.Sprint("uniform ", i), r.Uniform(-2.5, 4), want)
			}
			for _, pair := range c.Bits {
				check(t, fmt.Sprint("bits ", pair[0]), strconv.FormatUint(r.Bits(int(pair[0].(float64))), 10),
					pair[1].(string))
			}
			for _, pair := range c.Below {
				check(t, fmt.Sprint("below ", pair[0]), r.Below(pair[0]), pair[1])
			}
			seq := make([]int, len(c.Shuffle))
			for i := range seq {
				seq[i] = i
			}
			r.Shuffle(len(seq), func(i, j int) { seq[i], seq[j] = seq[j], seq[i] })
			if !slices.Equal(seq, c.Shuffle) {
				t.Errorf("shuffle: got %v, want %v", seq, c.Shuffle)
			}
			for i, want := range c.Choice {
				check(t, fmt.Sprint("choice ", i), r.Choice(37), want)
			}
			for _, s := range c.Sample {
				n, k := int(s[0].(float64)), int(s[1].(float64))
				got, err := r.Sample(n, k)
				if err != nil {
					t.Fatal(err)
				}
				for i, want := range s[2].([]any) {
					check(t, fmt.Sprintf("sample(%d, %d)[%d]", n, k, i), got[i], int(want.(float64)))
				}
			}
		})
	}
}

func check[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestFewShotPicksOfSeedOne(t *testing.T) {
	got, err := New(1).Sample(1300, 16)
	if err != nil {
		t.Fatal(err)
	}
	if want := readGolden(t).First; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if want := []int{275, 1165, 129, 522, 241, 1014}; !slices.Equal(got[:6], want) {
		t.Errorf("first picks %v, want %v", got[:6], want)
	}
}

func TestSampleOfTooMany(t *testing.T) {
	for _, nk := range [][2]int{{3, 4}, {0, 1}, {5, -1}} {
		if _, err := New(1).Sample(nk[0], nk[1]); err == nil {
			t.Errorf("Sample(%d, %d): no error", nk[0], nk[1])
		}
	}
}

func ExampleRand_Sample() {
	picks, err := New(1).Sample(1300, 6)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(picks)
	// Output: [275 1165 129 522 241 1014]
}
