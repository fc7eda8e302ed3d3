package data

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
)

// CoOp draws the shots of all classes and then keeps those of a half, classes in the
// order of the split file, which need not be that of the labels.
func TestHalvesAreDrawnFromTheWhole(t *testing.T) {
	files, train := map[string]string{}, ""
	for _, label := range []int{3, 0, 4, 1, 2} {
		for i := range 6 {
			name := fmt.Sprintf("%d_%d.png", label, i)
			files[name] = ""
			train += fmt.Sprintf(`["%s", %d, "class %d"],`, name, label, label)
		}
	}
	files["split_zhou_X.json"] = `{"train": [` + train[:len(train)-1] + `]}`
	path := filepath.Join(tree(t, files), "split_zhou_X.json")
	whole, err := Load(path + "#train")
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := FewShot(whole, Shots{PerClass: 2}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		spec    string
		classes []string
	}{
		{"#train#base", []string{"class 0", "class 1", "class 2"}}, {"#new#train", []string{"class 3", "class 4"}},
	} {
		half, err := Load(path + test.spec)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(half.Classes, test.classes) || len(half.Items) != 6*len(test.classes) ||
			half.Split != "train" {
			t.Errorf("%s: %q, %d items", test.spec, half.Classes, len(half.Items))
		}
		few, err := FewShot(half, Shots{PerClass: 2}, 1)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, k := range keys(drawn) {
			for _, c := range test.classes {
				if k[len(k)-len(c):] == c {
					want = append(want, k)
				}
			}
		}
		if got := keys(few); !slices.Equal(got, want) {
			t.Errorf("%s: drew %q, want %q", test.spec, got, want)
		}
	}
	if _, err := Load(path + "#train#base#new"); err == nil {
		t.Error("two halves at once")
	}
	one := tree(t, map[string]string{"a/1.png": ""})
	if _, err := Load(one + "#new"); err == nil {
		t.Error("the second half of one class")
	}
}
