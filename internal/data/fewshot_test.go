package data

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// fromPaths makes a set in memory of paths "cL/NAME" with label L.
func fromPaths(paths []string) *Set {
	s := &Set{Name: "toy", Classes: []string{"zero", "one", "two", "three", "four"}}
	for _, p := range paths {
		s.Items = append(s.Items, Item{Path: p, Label: int(p[1] - '0')})
	}
	return s
}

func itemPaths(s *Set) []string {
	var paths []string
	for _, it := range s.Items {
		paths = append(paths, it.Path)
	}
	return paths
}

func TestFewShotEqualsDassl(t *testing.T) {
	data, err := os.ReadFile("testdata/fewshot_golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Sets  map[string][]string
		Cases []struct {
			Set        string
			Seed       int64
			Shots      int
			Train, Val []string
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for _, c := range golden.Cases {
		set := fromPaths(golden.Sets[c.Set])
		train, val, err := FewShotWithVal(set, set, c.Shots, c.Seed)
		if err != nil {
			t.Fatal(err)
		}
		if got := itemPaths(train); !slices.Equal(got, c.Train) {
			t.Errorf("%s seed %d shots %d: train picks %v, want %v", c.Set, c.Seed, c.Shots, got, c.Train)
		}
		if got := itemPaths(val); !slices.Equal(got, c.Val) {
			t.Errorf("%s seed %d shots %d: val picks %v, want %v", c.Set, c.Seed, c.Shots, got, c.Val)
		}
	}
}

func TestFewShotRefusesTooFewImages(t *testing.T) {
	set := fromPaths([]string{"c0/a", "c0/b", "c1/a", "c2/a", "c2/b", "c3/a", "c3/b", "c4/a", "c4/b"})
	_, err := FewShot(set, 2, 1)
	if err == nil || !strings.Contains(err.Error(), "class 1 (one) has 1 images, fewer than 2 shots") {
		t.Errorf("error %v does not name the class and the counts", err)
	}
	if _, err := FewShot(set, 0, 1); err == nil {
		t.Error("no error for 0 shots")
	}
	if _, err := FewShot(&Set{Name: "empty"}, 1, 1); err == nil {
		t.Error("no error for an empty set")
	}
}

func ExampleFewShot() {
	set := &Set{Name: "pets", Classes: []string{"cat", "dog"}}
	for i := range 6 {
		set.Items = append(set.Items, Item{Path: fmt.Sprintf("cat/%d.png", i), Label: 0})
	}
	for i := range 6 {
		set.Items = append(set.Items, Item{Path: fmt.Sprintf("dog/%d.png", i), Label: 1})
	}
	few, err := FewShot(set, 2, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, it := range few.Items {
		fmt.Println(set.Classes[it.Label], it.Path)
	}
	// Output:
	// cat cat/1.png
	// cat cat/4.png
	// dog dog/0.png
	// dog dog/2.png
}
