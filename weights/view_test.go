package weights

import (
	"slices"
	"strings"
	"testing"
)

func TestViewNamesParametersInFull(t *testing.T) {
	v := openCLIP(t, "clip.safetensors").View()
	block := v.Sub("visual.transformer").Sub("resblocks.0")
	if !block.Has("ln_1.weight") || block.Has("ln_9.weight") {
		t.Error("Has is wrong about ln_1 or ln_9")
	}
	if shape, ok := block.Shape("mlp.c_fc.weight"); !ok || !slices.Equal(shape, []int{64, 16}) {
		t.Errorf("shape %v, %v", shape, ok)
	}
	if names := block.Names(); len(names) != 12 || !strings.HasPrefix(names[0], "visual.transformer.resblocks.0.") {
		t.Errorf("names %v", names)
	}
	if data, err := block.Get("mlp.c_fc.weight", -1, 16); err != nil || len(data) != 64*16 {
		t.Errorf("%d values, %v", len(data), err)
	}
	for _, tc := range []struct {
		name  string
		shape []int
		want  string
	}{
		{"mlp.c_fc.weight", []int{16, 64},
			"visual.transformer.resblocks.0.mlp.c_fc.weight has shape [64, 16], want [16, 64]"},
		{"mlp.c_fc.weight", []int{-1}, "want [any]"},
		{"mlp.fc.weight", []int{64, 16}, "visual.transformer.resblocks.0.mlp.fc.weight is missing, want shape [64, 16]; " +
			"the nearest names are visual.transformer.resblocks.0.mlp.c_fc.weight"},
	} {
		if _, err := block.Get(tc.name, tc.shape...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error %v, want one with %q", err, tc.want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b  string
		limit int
		want  int
	}{
		{"", "", 3, 0}, {"abc", "abc", 3, 0}, {"kitten", "sitting", 3, 3}, {"kitten", "sitting", 2, -1}, {"ab", "ba", 2,
			2},
		{"", "abc", 3, 3}, {"", "abcd", 3, -1},
	} {
		if got := editDistance(tc.a, tc.b, tc.limit); got != tc.want {
			t.Errorf("%q to %q within %d: %d, want %d", tc.a, tc.b, tc.limit, got, tc.want)
		}
	}
}

func TestReadingAfterCloseIsAnError(t *testing.T) {
	f, err := Open(fixture("clip_zip.pt"))
	if err != nil {
		t.Fatal(err)
	}
	tensor, _ := f.Lookup("visual.proj")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := tensor.Float32(); err == nil {
		t.Error("read from a closed file")
	}
	if err := f.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}
