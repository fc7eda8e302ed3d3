package imagenet

import (
	"slices"
	"testing"
)

func TestClassesAreCompleteAndSorted(t *testing.T) {
	names, ids := Names(), WordNetIDs()
	if len(names) != 1000 || len(ids) != 1000 {
		t.Fatalf("%d names, %d ids, want 1000 of each", len(names), len(ids))
	}
	if !slices.IsSorted(ids) {
		t.Error("WordNet ids are not sorted")
	}
	for label, want := range map[int]string{0: "tench", 134: "crane bird", 657: "missile", 744: "missile",
		836: "sunglasses", 837: "sunglasses", 999: "toilet paper"} {
		if names[label] != want {
			t.Errorf("class %d is %q, want %q", label, names[label], want)
		}
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(names)))
	if len(distinct) != 998 {
		t.Errorf("%d distinct names, want 998", len(distinct))
	}
	for label, id := range ids {
		if got, ok := Label(id); !ok || got != label {
			t.Errorf("Label(%q) = %d, %v, want %d", id, got, ok, label)
		}
	}
}

func TestSubsetsAreIncreasingLabels(t *testing.T) {
	for name, labels := range map[string][]int{"A": SubsetA(), "R": SubsetR()} {
		if len(labels) != 200 {
			t.Fatalf("ImageNet-%s has %d classes, want 200", name, len(labels))
		}
		for i := 1; i < len(labels); i++ {
			if labels[i] <= labels[i-1] {
				t.Errorf("ImageNet-%s: label %d is class %d after %d", name, i, labels[i], labels[i-1])
			}
		}
		if labels[0] < 0 || labels[199] > 999 {
			t.Errorf("ImageNet-%s: labels outside ImageNet", name)
		}
	}
}
