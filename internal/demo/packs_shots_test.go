package demo

import (
	"reflect"
	"testing"

	"clipcalib/internal/data"
)

func TestShotsTakeWhatThereIs(t *testing.T) {
	task, err := EmojiPack()
	if err != nil {
		t.Fatal(err)
	}
	pool, err := task.Source().Set(FoldShots)
	if err != nil {
		t.Fatal(err)
	}
	few, err := task.Shots(8, 1)
	if err != nil {
		t.Fatal(err)
	}
	have := pool.Counts()
	for class, n := range few.Counts() {
		if want := min(8, have[class]); n != want {
			t.Errorf("%s: %d shots, want %d", task.Classes[class], n, want)
		}
	}
	again, _ := task.Shots(8, 1)
	other, _ := task.Shots(8, 2)
	if paths(few) == nil || !reflect.DeepEqual(paths(few), paths(again)) || reflect.DeepEqual(paths(few),
		paths(other)) {
		t.Error("draws do not follow from the seed")
	}
	if _, err := task.Shots(0, 1); err == nil {
		t.Error("no error for 0 shots")
	}
}

// TestShotsEqualFewShot where every class has enough pictures.
func TestShotsEqualFewShot(t *testing.T) {
	task, err := FashionPack()
	if err != nil {
		t.Fatal(err)
	}
	pool, err := task.Source().Set(FoldShots)
	if err != nil {
		t.Fatal(err)
	}
	want, err := data.FewShot(pool, data.Shots{PerClass: 16}, 3)
	if err != nil {
		t.Fatal(err)
	}
	got, err := task.Shots(16, 3)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(paths(got), paths(want)) {
		t.Errorf("picks %v, want %v", paths(got), paths(want))
	}
}

func paths(s *data.Set) []string {
	var out []string
	for _, it := range s.Items {
		out = append(out, it.Path)
	}
	return out
}
