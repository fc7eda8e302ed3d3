package data

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// classes makes classes of "folder/name" or of names alone.
func classes(keys ...string) []Class {
	out := make([]Class, len(keys))
	for i, k := range keys {
		folder, name, ok := strings.Cut(k, "/")
		if !ok {
			folder, name = "", k
		}
		out[i] = Class{Folder: folder, Name: name}
	}
	return out
}

func TestJoin(t *testing.T) {
	green := "Grüner Käfer"
	for _, test := range []struct {
		name        string
		run, target []Class
		want        []int
	}{
		{"the same list", classes("cat", "dog"), classes("cat", "dog"), []int{0, 1}},
		{"two of one name, the same list", classes("missile", "ship", "missile"), classes("missile", "ship", "missile"),
			[]int{0, 1, 2}},
		{"a subset in another order", classes("cat", "dog", "eel"), classes("eel", "cat"), []int{2, 0}},
		{"two of one name by folder", classes("n0001/sunglasses", "n0002/missile", "n0003/sunglasses", "n0004/ship"),
			classes("n0002/missile", "n0003/sunglasses"), []int{1, 2}},
		{"the same names, folders crossed", classes("a/x", "b/y", "c/x"), classes("c/x", "b/y", "a/x"), []int{2, 1, 0}},
		{"two of one name in order", classes("a/missile", "b/ship", "c/missile"), classes("657/missile", "744/missile"),
			[]int{0, 2}},
		{"a run without folders, in order", classes("missile", "ship", "missile"), classes("c/missile", "d/missile",
			"e/ship"), []int{0, 2, 1}},
		{"WordNet id, another name", classes("n01440764/tench", "n01443537/goldfish"),
			classes("n01443537/goldfish, Carassius"), []int{1}},
		{"exact before case", classes("Crane", "cat", "crane"), classes("cat", "crane"), []int{1, 2}},
		{"NFD", classes(green, "cat"), classes("cat", norm.NFD.String(green)), []int{1, 0}},
		{"NFD of the run", classes(norm.NFD.String(green), "cat"), classes("cat", green), []int{1, 0}},
		{"case", classes("Abyssinian", "Beagle"), classes("beagle", "ABYSSINIAN"), []int{1, 0}},
		{"case of letters beyond ASCII", classes("Straße", "Äpfel"), classes("ÄPFEL", "STRASSE"), []int{1, 0}},
	} {
		got, err := Join(test.run, test.target)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, %v; want %v", test.name, got, err, test.want)
		}
	}
}

func TestJoinRefusesWhatIsNotCertain(t *testing.T) {
	for _, test := range []struct {
		name        string
		run, target []Class
		words       []string
	}{
		{"unknown", classes("cat", "dog"), classes("cat", "mouse"), []string{"1 classes", `"mouse"`, `"cat"`, `"dog"`}},
		{"a slip", classes("cat", "beagle"), classes("beagel"), []string{`"beagel"`, `nearest`, `"beagle"`}},
		{"one of two of a name", classes("a/missile", "ship", "b/missile"), classes("missile"),
			[]string{`"missile" (folder a)`, `"missile" (folder b)`}},
		{"case of two", classes("Crane", "crane"), classes("CRANE"), []string{`"CRANE"`, `"Crane"`, `"crane"`}},
		{"two that differ in case", classes("crane", "cat"), classes("crane", "Crane"), []string{`"Crane"`, `"crane"`}},
		{"two WordNet ids of one name", classes("n02012849/crane", "n01440764/tench"), classes("n03126707/crane"),
			[]string{"n03126707", "n02012849"}},
		{"the same list of other WordNet ids", classes("n02012849/crane"), classes("n03126707/crane"),
			[]string{"n03126707", "n02012849"}},
		{"two on one", classes("a/crane", "b/cat"), classes("a/crane", "crane"), []string{"crane"}},
		{"a run without classes", nil, classes("cat"), []string{`"cat"`}},
	} {
		got, err := Join(test.run, test.target)
		if err == nil {
			t.Errorf("%s: joined as %v", test.name, got)
			continue
		}
		for _, w := range test.words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: no %s in: %v", test.name, w, err)
			}
		}
	}
}

// Joining a list with a shuffled part of itself finds every class again, where
// names repeat as long as folders tell them apart.
func TestJoinFindsPartsAgain(t *testing.T) {
	var run []Class
	for i, name := range []string{"missile", "ship", "missile", "sunglasses", "Sunglasses", "sunglasses", "crane"} {
		run = append(run, Class{Folder: "f" + string(rune('0'+i)), Name: name})
	}
	for mask := 1; mask < 1<<len(run); mask++ {
		var want []int
		for i := range run {
			if mask>>i&1 == 1 {
				want = append([]int{i}, want...)
			}
		}
		var target []Class
		for _, i := range want {
			target = append(target, run[i])
		}
		if got, err := Join(run, target); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v: %v, %v", target, got, err)
		}
	}
}
