package data

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// Folders are read as torchvision's ImageFolder reads them: the same classes,
// pictures and labels, in the same order.
func TestFoldersAreReadAsImageFolderReadsThem(t *testing.T) {
	text, err := os.ReadFile("testdata/imagefolder.json")
	if err != nil {
		t.Fatal(err)
	}
	var trees []struct {
		Files, Classes []string
		Samples        [][2]any
	}
	if err := json.Unmarshal(text, &trees); err != nil {
		t.Fatal(err)
	}
	for i, golden := range trees {
		files := map[string]string{}
		for _, f := range golden.Files {
			files[f] = ""
		}
		set, err := LoadWith(tree(t, files), Options{KeepUnderscores: true})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(set.Classes, golden.Classes) {
			t.Errorf("tree %d: classes %q, want %q", i, set.Classes, golden.Classes)
		}
		var got, want []string
		for k, it := range set.Items {
			got = append(got, it.Key(set.Root))
			if k < len(golden.Samples) && float64(it.Label) != golden.Samples[k][1] {
				t.Errorf("tree %d: %s has label %d", i, it.Path, it.Label)
			}
		}
		for _, s := range golden.Samples {
			want = append(want, s[0].(string))
		}
		if !slices.Equal(got, want) {
			t.Errorf("tree %d:\n%q\nwant\n%q", i, got, want)
		}
		if len(set.Items)+len(set.Ignored) != len(golden.Files) {
			t.Errorf("tree %d: %d read and %d ignored of %d files", i, len(set.Items), len(set.Ignored),
				len(golden.Files))
		}
	}
}
