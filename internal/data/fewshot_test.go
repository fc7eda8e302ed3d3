package data

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
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
			Repeat     bool
			Train, Val []string
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for _, c := range golden.Cases {
		set := fromPaths(golden.Sets[c.Set])
		train, val, err := FewShotWithVal(set, set, Shots{PerClass: c.Shots, Repeat: c.Repeat}, c.Seed)
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

func TestShotsSayWhatClassesHave(t *testing.T) {
	set := fromPaths([]string{"c0/a", "c0/b", "c1/a", "c2/a", "c2/b", "c3/a", "c3/b", "c4/a", "c4/b"})
	for _, test := range []struct {
		shots Shots
		count []int
		words string
	}{
		{Shots{PerClass: 2}, []int{2, 1, 2, 2, 2}, "2 shots a class, fewer of 1 class: one 1"},
		{Shots{PerClass: 2, Repeat: true}, []int{2, 2, 2, 2, 2},
			"2 shots a class, drawn with repetition from 1 class that has fewer: one 1"},
		{Shots{PerClass: 1, Repeat: true}, []int{1, 1, 1, 1, 1}, "1 shot a class"},
		{Shots{PerClass: 1}, []int{1, 1, 1, 1, 1}, "1 shot a class"},
		{Shots{}, []int{2, 1, 2, 2, 2}, "every picture as a shot, 1 to 2 a class"},
		{Shots{PerClass: -1}, []int{2, 1, 2, 2, 2}, "every picture as a shot, 1 to 2 a class"},
	} {
		few, err := FewShot(set, test.shots, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := few.Counts(); !slices.Equal(got, test.count) || test.shots.Words(set, few) != test.words {
			t.Errorf("%+v: %v, %q", test.shots, got, test.shots.Words(set, few))
		}
	}
	// 9 pictures, 3 draws of each of 5 classes: 6 of the draws are again.
	few, err := FewShot(set, Shots{PerClass: 3, Repeat: true}, 1)
	if err != nil {
		t.Fatal(err)
	}
	var a Account
	a.Drawn(set, few)
	different := map[string]bool{}
	for _, it := range few.Items {
		different[it.Path] = true
	}
	if a.Read() != 15 || a.NotDrawn != 9-len(different) || a.Repeated != 15-len(different) ||
		a.String() != fmt.Sprintf("15 pictures read of 15 drawn from 9, %d of them again", 15-len(different)) {
		t.Errorf("%+v: %v", a, a)
	}
	if _, err := FewShot(&Set{Name: "empty"}, Shots{PerClass: 1}, 1); err == nil {
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
	few, err := FewShot(set, Shots{PerClass: 2}, 1)
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
